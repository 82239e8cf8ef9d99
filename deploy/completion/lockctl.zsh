#compdef lockctl
# zsh completion of lockctl; `lockctl completion zsh` prints this file. The program itself knows the words.
_lockctl() {
  local -a candidates
  candidates=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ ${candidates[1]} == :files ]]; then
    _files
  elif [[ -n ${candidates[1]} ]]; then
    compadd -- "${candidates[@]}"
  fi
}
if [[ ${funcstack[1]} == _lockctl ]]; then
  _lockctl "$@"
else
  compdef _lockctl lockctl
fi
