# bash completion of lockctl; `lockctl completion bash` prints this file. The program itself knows the words.
_lockctl() {
  local words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]}
  # With bash-completion a URL's colons break no words.
  if declare -F _get_comp_words_by_ref >/dev/null; then _get_comp_words_by_ref -n := cur words cword; fi
  local candidates candidate
  mapfile -t candidates < <("${words[0]}" __complete -- "${words[@]:1:cword}" 2>/dev/null)
  COMPREPLY=()
  if [[ ${candidates[0]-} == :files ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    return
  fi
  for candidate in "${candidates[@]}"; do
    COMPREPLY+=("$(printf %q "$candidate")")
  done
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -F _lockctl lockctl
