# fish completion of lockctl; `lockctl completion fish` prints this file. The program itself knows the words.
function __lockctl_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l candidates ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    if test "$candidates" = ":files"
        __fish_complete_path "$current"
    else if set -q candidates[1]
        printf '%s\n' $candidates
    end
end
complete -c lockctl -f -a '(__lockctl_candidates)'
