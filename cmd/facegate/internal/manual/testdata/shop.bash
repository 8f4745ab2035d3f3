# bash completion of shop: . <(shop completion bash)
_shop() {
  local word path= cur=${COMP_WORDS[COMP_CWORD]}
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      " sell"|" till"|"till open"|"till count") path="${path:+$path }$word" ;;
    esac
  done
  case "$path" in
    "") COMPREPLY=($(compgen -W "sell till" -- "$cur")) ;;
    "sell") COMPREPLY=($(compgen -W "--price --json" -- "$cur")) ;;
    "till") COMPREPLY=($(compgen -W "open count" -- "$cur")) ;;
    "till open") COMPREPLY=($(compgen -W "" -- "$cur")) ;;
    "till count") COMPREPLY=($(compgen -W "--coins" -- "$cur")) ;;
  esac
}
complete -o bashdefault -o default -F _shop shop
