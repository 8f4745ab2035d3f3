#!/usr/bin/env bash
#
# build.sh ARCH FILE   builds the OpenCV of a release from its source, and packs it as FILE. scripts/opencv.sh calls it; a change here
# makes another artefact.
#
# Source and archives come from the Debian mirror that apt is set to, each with the SHA-256 below. The source is of Debian 13.
# protobuf, libjpeg-turbo and zlib are Debian 12's own archives.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C SOURCE_DATE_EPOCH=1717372800 # the day of OpenCV 4.10.0
# shellcheck source=scripts/mirror.sh
. scripts/mirror.sh

arch=$1 file=$2
source_path=pool/main/o/opencv/opencv_4.10.0+dfsg.orig.tar.xz
source_sum=4ca619efbad524c550771ab110332fc81293fb720bd03980fe58bc15f9ca3be8

# What OpenCV and facegate are linked with: place in the mirror, and SHA-256 for amd64 and arm64.
archives() {
  cat <<'END'
pool/main/p/protobuf/libprotobuf-dev_3.21.12-3+deb12u1 2f045f82e4ae0bdfce7f18f1f36613b9cd8c570024b8de68668bc255c32a2d88 92b1c87b95d99a06ba9e7ac2f29d791a6992d65ae41725438197f61d97404228
pool/main/libj/libjpeg-turbo/libjpeg62-turbo-dev_2.1.5-2 10485411f751c24472c43b28fe24ab6389fedb027d496bbc2c831496f750ab01 d2ab47457f162d08ee9bfdd1a383013c25fe67b7e9a2210e7468333c5d18f6b7
pool/main/z/zlib/zlib1g-dev_1.2.13.dfsg-1 f9ce531f60cbd5df37996af9370e0171be96902a17ec2bdbd8d62038c354094f afb60f0bae432f2f0edfe2d674e99c1a13a147c9aa2b52f2f23e3df19ece76f5
END
}

# The modules of which gocv includes the headers, and facegate calls nothing.
unused=(calib3d features2d flann highgui imgcodecs objdetect photo video videoio)

# flags are what each architecture is built for: what every processor of it has, and what is chosen at the start where it is there.
# Carotene, which would serve on arm64 alone, rounds otherwise than OpenCV itself.
case $arch in
amd64)
  triplet=x86_64-linux-gnu
  flags=(-DCPU_BASELINE=SSE3 -DCPU_DISPATCH=AVX2)
  ;;
arm64)
  triplet=aarch64-linux-gnu
  flags=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCPU_BASELINE=NEON -DCPU_DISPATCH=NEON_FP16,NEON_DOTPROD
    -DWITH_CAROTENE=OFF)
  ;;
esac

say() { printf 'facegate: opencv: %s\n' "$*" >&2; }

die() {
  say "$1"
  shift
  [[ $# -eq 0 ]] || printf '  %s\n' "$@" >&2
  exit 1
}

# fetch downloads a file of the mirror unless it is there, and keeps it only with the right hash.
fetch() {
  local path=$1 sum=$2 to=$3 from
  if [[ ! -s $to ]]; then
    from=$(mirror Debian)
    [[ -n $from ]] || die "apt knows no Debian mirror" "run apt-get update, or put the artefact beside the checkout"
    /usr/lib/apt/apt-helper download-file "${from%/}/$path" "$to.new" "SHA256:$sum" >>"$log" 2>&1 || {
      rm -f "$to.new"
      tail -n 3 "$log" >&2
      die "could not fetch $path with SHA-256 $sum" "if Debian has a newer one by now, put its version and hash into scripts/opencv/build.sh"
    }
    mv "$to.new" "$to"
  fi
  sha256sum --check --status <<<"$sum  $to" || die "$to is damaged; remove it"
}

fetch_all() {
  local path amd64 arm64 deb
  fetch "$source_path" "$source_sum" "$kept/${source_path##*/}"
  while read -r path amd64 arm64; do
    deb=$work/${path##*/}_$arch.deb
    fetch "${path}_$arch.deb" "${!arch}" "$deb"
    dpkg-deb -x "$deb" "$work/root"
  done < <(archives)
  mkdir "$work/source"
  tar -xf "$kept/${source_path##*/}" -C "$work/source" --strip-components=1
}

# trim takes out of the source what facegate never calls, which the linker would leave out as well: formats of networks other than ONNX,
# and of imgproc all but changing size, shape and colours. A linker that misses something says so. ONNX alone does with the small
# protobuf, which has nothing to do at each start. What counts in core and imgproc is written in vector instructions: above -O2 they
# grow, and are no faster.
trim() {
  local modules=$work/source/modules
  rm -r "$modules"/dnn/src/{caffe,darknet,tensorflow,torch}
  sed -i 's/^syntax = "proto2";/&\noption optimize_for = LITE_RUNTIME;/' "$modules/dnn/src/onnx/opencv-onnx.proto"
  find "$modules/imgproc/src" -name '*.cpp' |
    grep -vE '/(box_filter|color|color_[a-z]+|demosaicing|filter|imgwarp|main|resize|tables)(\.[a-z0-9_]+)?\.cpp$' | xargs rm
  sed -i -E '/^ocv_add_dispatched_file\((accum|bilateral_filter|median_blur|morph|smooth|sumpixels) /d' "$modules/imgproc/CMakeLists.txt"
  sed -i '1i add_compile_options(-O2)' "$modules"/{core,imgproc}/CMakeLists.txt
}

configure() {
  local map="-ffile-prefix-map=$work/source=opencv -ffile-prefix-map=$work/build=build -ffile-prefix-map=$work/root="
  cmake -S "$work/source" -B "$work/build" -G 'Unix Makefiles' "${flags[@]}" \
    -DCMAKE_C_COMPILER=$triplet-gcc -DCMAKE_CXX_COMPILER=$triplet-g++ -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$work/tree" \
    -DOPENCV_EXTRA_C_FLAGS="$map" -DOPENCV_EXTRA_CXX_FLAGS="$map -fno-semantic-interposition" \
    -DBUILD_LIST=core,imgproc,dnn -DBUILD_SHARED_LIBS=OFF -DENABLE_PIC=ON \
    -DBUILD_{TESTS,PERF_TESTS,EXAMPLES,DOCS,JAVA,opencv_apps,opencv_python3,ITT,IPP_IW,ZLIB,PROTOBUF}=OFF \
    -DWITH_{1394,ADE,EIGEN,FFMPEG,FLATBUFFERS,GSTREAMER,GTK,IPP,ITT,LAPACK,OPENCL,OPENEXR,OPENMP,QUIRC,TBB,V4L,VA,VA_INTEL,VTK}=OFF \
    -DWITH_{JASPER,JPEG,OPENJPEG,PNG,TIFF,WEBP,IMGCODEC_HDR,IMGCODEC_PFM,IMGCODEC_PXM,IMGCODEC_SUNRASTER}=OFF \
    -DWITH_PTHREADS_PF=ON -DWITH_PROTOBUF=ON -DPROTOBUF_UPDATE_FILES=ON -DPARALLEL_ENABLE_PLUGINS=OFF -DCV_TRACE=OFF \
    -DBUILD_INFO_SKIP_SYSTEM_VERSION=ON -DBUILD_INFO_SKIP_TIMESTAMP=ON \
    -DProtobuf_PROTOC_EXECUTABLE=/usr/bin/protoc -DProtobuf_INCLUDE_DIR="$work/root/usr/include" \
    -DProtobuf_LIBRARY="$libs/libprotobuf-lite.a" -DZLIB_INCLUDE_DIR="$work/root/usr/include" -DZLIB_LIBRARY="$libs/libz.a"
}

# forget takes out what OpenCV keeps about the machine that it was built on: it would be in every program.
forget() {
  echo '"OpenCV 4.10.0\n"' >"$work/build/modules/core/version_string.inc"
  sed -i "s|$work|.|g" "$work/build/opencv_data_config.hpp"
}

# compile says how far it is in steps of a tenth.
compile() {
  local line shown=0
  cmake --build "$work/build" --target install -j "$(nproc)" 2>&1 | while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    if [[ $line =~ ^\[\ *([0-9]+)%\] && ${BASH_REMATCH[1]} -ge $((shown + 10)) ]]; then
      shown=$((BASH_REMATCH[1] / 10 * 10))
      say "  $shown %, $((SECONDS / 60)) min $((SECONDS % 60)) s"
    fi
  done
}

# add_unused adds the headers that gocv includes, and says that they are there.
add_unused() {
  local module headers=$work/tree/include/opencv4/opencv2
  for module in "${unused[@]}"; do
    cp -r "$work/source/modules/$module/include/opencv2/." "$headers/"
    printf '#define HAVE_OPENCV_%s\n' "${module^^}" >>"$headers/opencv_modules.hpp"
  done
}

# add_libraries adds what OpenCV and facegate are linked with besides, and what says how.
add_libraries() {
  local tree=$work/tree
  cp "$libs"/lib{protobuf-lite,jpeg,z}.a "$tree/lib/"
  mkdir "$tree/include/jpeg"
  cp "$work/root/usr/include"/j{peglib,morecfg,error}.h "$work/root/usr/include/$triplet/jconfig.h" "$tree/include/jpeg/"
  mkdir -p "$tree/lib/pkgconfig"
  printf '%s\n' 'prefix=${pcfiledir}/../..' 'Name: opencv4' 'Description: what facegate calls of OpenCV' 'Version: 4.10.0' \
    'Cflags: -I${prefix}/include/opencv4' \
    'Libs: -L${prefix}/lib -lopencv_dnn -lopencv_imgproc -lopencv_core -lprotobuf-lite -lz -lpthread' >"$tree/lib/pkgconfig/opencv4.pc"
  printf '%s\n' 'prefix=${pcfiledir}/../..' 'Name: libjpeg' 'Description: libjpeg-turbo' 'Version: 2.1.5' \
    'Cflags: -I${prefix}/include/jpeg' 'Libs: -L${prefix}/lib -ljpeg' >"$tree/lib/pkgconfig/libjpeg.pc"
}

# pack packs what is needed to build, the same for everybody, and what it was made of.
pack() {
  rm -rf "$work/tree/lib/cmake"
  ! grep -rlF "$work" "$work/tree" >&2 || die "these name the folder in which they were built"
  { printf '%s %s\n' "$source_sum" "$source_path" && archives && $triplet-g++ --version | sed 1q; } >"$work/tree/made-of"
  tar -C "$work/tree" --sort=name --mtime=@$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner --mode=go=rX -cf - \
    include lib made-of | zstd -q -10 -o "$work/packed"
  mv "$work/packed" "$file"
}

kept=$(dirname "$file")
work=$kept/building-$arch
log=$PWD/.build/opencv/$arch.log
libs=$work/root/usr/lib/$triplet
rm -rf "$work" && mkdir -p "$work/root" "$(dirname "$log")"
: >"$log"
trap 'code=$?; rm -rf "$work"; [[ $code -eq 0 ]] || say "the log is $log"' EXIT
say "fetching the source and three archives, 90 MB"
fetch_all
trim
say "configuring"
{ configure && forget; } >>"$log" 2>&1 || { tail -n 20 "$log" >&2 && die "it cannot be configured"; }
compile || { grep -E '(error|Error)' "$log" | tail -n 5 >&2 && die "it does not compile"; }
add_unused
add_libraries
pack
say "built in $((SECONDS / 60)) min $((SECONDS % 60)) s: $file, $(du -h "$file" | cut -f1)B"
