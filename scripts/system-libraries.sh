#!/bin/sh
# Open3D needs libusb-1.0, libGL and libgomp at import. Installs them when root on Debian or Ubuntu, else says how.
set -eu
[ "$(uname -s)" = Linux ] || exit 0
missing=""
for pair in libusb-1.0.so.0:libusb-1.0-0 libGL.so.1:libgl1 libgomp.so.1:libgomp1; do
    library=${pair%%:*}
    package=${pair##*:}
    { ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } | grep -q "$library" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Open3D needs system libraries; please run:  sudo apt-get install -y$missing" >&2
    exit 1
fi
