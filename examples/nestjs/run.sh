#!/usr/bin/env bash
# Builds the shop, and serves it together with a paymentd of its own:
#
#   examples/nestjs/run.sh
#
# PAYMENTD names another paymentd than build/release/paymentd. All data, and the API keys, are in
# examples/nestjs/data: remove that folder to begin anew. Ctrl-C stops both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077

paymentd=${PAYMENTD:-../../build/release/paymentd}
if [[ ! -x $paymentd ]]; then
  echo "run: there is no $paymentd: build it as the project's README says, or name it in PAYMENTD" >&2
  exit 1
fi

npm run client
npm install
npm run build

if [[ ! -d data ]]; then
  # In another folder first: a start that is interrupted here leaves nothing half done.
  rm -rf data.new
  mkdir data.new
  "$paymentd" seed --users 10 --orders 0 --balance 50000 --set database.url=sqlite:data.new/paymentd.db
  for key in "shop pay,read" "desk read,charge,refund" "operator operate"; do
    read -r name scopes <<<"$key"
    "$paymentd" keys create "$name" --scopes "$scopes" --set http.api_keys_file=data.new/keys.json \
      2>/dev/null >"data.new/$name.key"
  done
  cat >data.new/paymentd.toml <<'TOML'
[database]
url = "sqlite:data/paymentd.db"

[http]
listen = "127.0.0.1:8080"
api_keys_file = "data/keys.json"

[webhooks]
networks = "all"
TOML
  mv data.new data
fi

"$paymentd" serve --config data/paymentd.toml &
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
trap 'exit 0' INT TERM
if [[ ! -s data/webhook.secret ]]; then # its secret is shown when it is made, and never again
  curl -fsS --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:8080/v1/webhooks \
    -H "Authorization: Bearer $(<data/operator.key)" \
    --json '{"name":"shop","url":"http://127.0.0.1:3000/webhooks/paymentd"}' |
    jq -er .secret >data/webhook.secret
fi
SHOP_PAYMENTD_KEY=$(<data/shop.key) SHOP_WEBHOOK_SECRET=$(<data/webhook.secret) node dist/src/main.js &

cat <<'TEXT'

The shop is at http://127.0.0.1:3000, paymentd at http://127.0.0.1:8080. In another terminal:

  number=$(curl -s http://127.0.0.1:3000/orders --json '{"userId":1,"totalAmount":12000}' | jq -r .number)
  curl -s -X POST http://127.0.0.1:3000/orders/$number/payment | jq
  curl -s http://127.0.0.1:3000/users/1 | jq

TEXT
wait -n # Where one of the two ends, so does the other.
