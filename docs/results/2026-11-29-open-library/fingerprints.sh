#!/usr/bin/env bash
# Fingerprints of five runs, to compare two builds of the examples:
#
#     bash fingerprints.sh DIRECTORY_OF_EXAMPLES > fingerprints.txt
#
# Prints a checksum of each trained model, of the losses of its steps, and of its predictions, with the
# name of its file: the layout of a directory with several runs has changed since. One
# thread, so that two builds can be compared while the machine is busy; the results are the same
# with any number of threads.
set -euo pipefail
bin=$1
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
export RAYON_NUM_THREADS=1

run() {
    local name=$1 example=$2
    shift 2
    "$bin/$example" --run-dir "$runs/$name" "$@" >"$runs/$name.log" 2>&1 || { cat "$runs/$name.log" >&2; exit 1; }
}
fingerprint() {
    local name=$1
    (
        cd "$runs/$name"
        find . -name model.safetensors -path '*model*' | sort | xargs sha256sum
        find . -name metrics.jsonl | sort | while read -r file; do
            echo "$(grep -o '"\(loss\|epoch_loss\)":[^,}]*' "$file" | sha256sum | cut -d' ' -f1)  $file (losses)"
        done
        find . -name '*.jsonl' -path '*prediction*' | sort | xargs -r sha256sum
    ) | sed -E "s#\./(.*/)?([^/]+)\$#\2#; s#^#$name  #" | sort
}

# The examples had other names before.
ag_news=ag_news multi_task=multi_task
test -x "$bin/ag_news" || ag_news=agnews
test -x "$bin/multi_task" || multi_task=multitask

run agnews "$ag_news" --epochs 2
fingerprint agnews
run imdb imdb --pretraining-steps 10 --epochs 1
fingerprint imdb
run multitask "$multi_task" --max-steps 30 --seeds 1
fingerprint multitask
run pair_encoders pair_encoders --max-steps 30 --seeds 1
fingerprint pair_encoders

# Killed as soon as it has a checkpoint, and resumed.
"$bin/$ag_news" --epochs 3 --run-dir "$runs/resumed" >/dev/null 2>&1 &
process=$!
until ls "$runs/resumed/checkpoints/" 2>/dev/null | grep -q step; do sleep 0.02; done
kill -9 "$process" 2>/dev/null || true
wait "$process" 2>/dev/null || true
run resumed "$ag_news" --epochs 3 --resume
fingerprint resumed
