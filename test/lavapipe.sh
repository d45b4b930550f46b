#!/usr/bin/env bash
# A software GPU with shader-f16: Mesa 25's lavapipe, from Debian's backports, unpacked into a folder.
# Debian 12's own Mesa is too old for Dawn. Needs root for the libraries that Mesa loads.
#
#     eval "$(test/lavapipe.sh FOLDER)"
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
root=$folder/root
libraries=$root/usr/lib/x86_64-linux-gnu
icd=$folder/lvp_icd.json

install() {
  source /etc/os-release
  local mirror
  mirror=$(awk '/^URIs:/ { print $2; exit } /^deb / { print $2; exit }' \
    $(ls /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null))
  mkdir -p "$folder"/{lists/partial,archives/partial,root,run}
  chmod 700 "$folder/run"
  echo "deb $mirror $VERSION_CODENAME-backports main" >"$folder/backports.list"
  local options=(
    -q -o APT::Sandbox::User=root
    -o "Dir::Etc::sourcelist=$folder/backports.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache::archives=$folder/archives"
  )
  apt-get -q update
  apt-get -q install -y --no-install-recommends libvulkan1 libllvm15 libwayland-client0 \
    libxcb-dri3-0 libxcb-present0 libxcb-randr0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 \
    libx11-xcb1 libxshmfence1
  apt-get "${options[@]}" update
  local package
  (cd "$folder/archives" &&
    for package in mesa-vulkan-drivers libdrm2 libdrm-amdgpu1; do
      apt-get "${options[@]}" download "$package/$VERSION_CODENAME-backports"
    done)
  local archive
  for archive in "$folder"/archives/*.deb; do dpkg -x "$archive" "$root"; done
  sed "s#\"library_path\": *\"[^\"]*\"#\"library_path\": \"$libraries/libvulkan_lvp.so\"#" \
    "$root"/usr/share/vulkan/icd.d/lvp_icd*.json >"$icd"
}

[ -f "$icd" ] || install >&2
echo "export VK_ICD_FILENAMES=$icd"
echo "export LD_LIBRARY_PATH=$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
echo "export XDG_RUNTIME_DIR=$folder/run"
