#!/usr/bin/env bash
# Opt-in: is the OpenAPI document valid, and does a fuzzer that reads it find an answer that the
# document does not know? Needs Python and a network the first time. Damaged bodies are among the
# inputs of crates/fuzz, as its reader `requests`.
#
#   crates/serve/tests/fuzz.sh [MAX_EXAMPLES]
set -euo pipefail
cd "$(dirname "$0")/../../.."

examples=${1:-150}
tools=${FINETUNE_SCHEMATHESIS:-$HOME/.cache/finetune/schemathesis}
if [ ! -x "$tools/bin/schemathesis" ]; then
    python3 -m venv "$tools"
fi
"$tools/bin/pip" install -q schemathesis==4.32.5 openapi-spec-validator==0.9.0

cargo build --release --example serve
out=$(mktemp -d)
"${CARGO_TARGET_DIR:-target}/release/examples/serve" --port 0 >"$out/stdout" 2>"$out/stderr" &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$out"' EXIT
for _ in $(seq 200); do
    grep -q listening "$out/stdout" && break
    sleep 0.05
done
url=$(sed -n 's/listening on //p' "$out/stdout")

"$tools/bin/python" - "$url" <<'PYTHON'
import json, sys, urllib.request
from openapi_spec_validator import validate
validate(json.load(urllib.request.urlopen(sys.argv[1] + "/openapi.json")))
print("the document is valid")
PYTHON

# Left out is the check that whatever fits the schema is accepted: no schema says which of the models
# take pairs. A body that is too large is refused for its size, before anything else.
cat >"$out/any_name.toml" <<'TOML'
[checks.negative_data_rejection]
expected-statuses = [400, 401, 404, 405, 406, 408, 413, 415, 422, 503]
TOML
# A name that no generator finds by itself.
cat "$out/any_name.toml" - >"$out/right_name.toml" <<'TOML'
[parameters]
"path.name" = "message_topics"
TOML
for config in any_name right_name; do
    "$tools/bin/schemathesis" --config-file "$out/$config.toml" run "$url/openapi.json" \
        --checks all --exclude-checks positive_data_acceptance \
        --max-examples "$examples" --workers 4 --seed 1 --generation-database none
done
# It still runs, and has said nothing.
curl -sf "$url/readyz"
test ! -s "$out/stderr"
