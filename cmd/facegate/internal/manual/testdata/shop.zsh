#compdef shop
# zsh completion: shop completion zsh > a folder of $fpath/_shop
_shop() {
  local word path_=
  local -a next
  for word in ${words[2,CURRENT-1]}; do
    case "$path_ $word" in
      " sell"|" till"|"till open"|"till count") path_="${path_:+$path_ }$word" ;;
    esac
  done
  case "$path_" in
    "") next=(
      'sell:Sell a thing.'
      'till:Deal with the till.') ;;
    "sell") next=(
      '--price:What it costs; it'\''s \ with tax.'
      '--json:Print JSON.') ;;
    "till") next=(
      'open:.open the till.'
      'count:Count what is in it.') ;;
    "till open") next=() ;;
    "till count") next=(
      '--coins:Coins alone.') ;;
  esac
  _describe 'shop' next
  _files
}
_shop "$@"
