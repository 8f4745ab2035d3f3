# fish completion: shop completion fish > ~/.config/fish/completions/shop.fish
function __shop_at
  set -l path ''
  for word in (commandline -opc)[2..]
    switch "$path $word"
      case " sell" " till" "till open" "till count"
        set path (string trim "$path $word")
    end
  end
  test "$path" = "$argv[1]"
end
complete -c shop -n "__shop_at ''" -f -a sell -d 'Sell a thing.'
complete -c shop -n "__shop_at ''" -f -a till -d 'Deal with the till.'
complete -c shop -n "__shop_at 'sell'" -l price -d 'What it costs; it\'s \ with tax.'
complete -c shop -n "__shop_at 'sell'" -l json -d 'Print JSON.'
complete -c shop -n "__shop_at 'till'" -f -a open -d '.open the till.'
complete -c shop -n "__shop_at 'till'" -f -a count -d 'Count what is in it.'
complete -c shop -n "__shop_at 'till count'" -l coins -d 'Coins alone.'
