#!/usr/bin/env bash
# Lists each line outside modalities/ that names a kind of input. A kind should be known to its own folder only; a line
# that has to name one says why behind it: `# kind: <reason>`. A file that is about one kind as a whole, such as a
# source of evidence for heads, says so once, on a line of its own: `# kinds: <reason>`. Examples in docstrings do not count.
#
# Usage: scripts/kinds_outside.sh [--all]
#   Prints the lines without a reason and exits with 1 if there are any; with --all, prints the others too.
set -euo pipefail
cd "$(dirname "$0")/.."

types='Modality\.[A-Z]+|(Volume|Cloud|Image)Study|(Voxel|Point|Pixel)Map'
names="[\"'](volume|pointcloud)[\"']"
# "image" is a word of many uses: it counts where a kind is spoken of.
image="(modality|kind)[^#]*[\"']image[\"']"
folders='modalities[./](images|volumes|pointclouds)\b'

lines=$(git ls-files -- '*.py' '*.html' | grep -vE '^(modalities|tests|benchmarks|docs|scripts)/' |
    xargs grep -nE "$types|$names|$image|$folders" | grep -vE '^[^:]+:[0-9]+:(# kinds: | *(>>>|\.\.\.) )' || true)
about_one_kind=$(git ls-files -- '*.py' | xargs grep -lE '^# kinds: \S' || true)
unexplained=$(grep -vE '# kind: \S' <<<"$lines" | grep -vFf <(sed 's/$/:/' <<<"${about_one_kind:-/}") || true)

if [[ ${1:-} == --all ]]; then
    echo "$lines"
elif [[ -n $unexplained ]]; then
    echo "$unexplained"
fi
count() { grep -c . <<<"$1" || true; }
echo "$(count "$lines") lines name a kind of input outside modalities/, $(count "$unexplained") of them without a reason" >&2
[[ -z $unexplained ]]
