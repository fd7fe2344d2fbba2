#!/bin/sh
# What Dockerfile and singularity.def do inside an image. Wheels in /wheels, where there are any,
# take the place of an index; weights files in /given that of their download.
#   install.sh dependencies PYPROJECT VARIANT [EXTRA...]   into the virtual environment /opt/lodbrain
#   install.sh wheel SOURCE FOLDER                         build lodbrain's own wheel
#   install.sh lodbrain FOLDER FETCH                       install it, and weights; FETCH=1: download
set -eu
prefix=/opt/lodbrain
pip() { python3 -m pip --quiet --disable-pip-version-check --no-cache-dir "$@"; }
if ls /wheels/*.whl > /dev/null 2>&1; then
    from="--no-index --find-links=/wheels"
else
    from=
fi

dependencies() {
    listed=$(mktemp)
    python3 "$(dirname "$0")/requirements.py" "$@" > "$listed"
    python3 -m venv --without-pip "$prefix"
    # shellcheck disable=SC2086
    pip --python "$prefix/bin/python" install $from -r "$listed"
    rm "$listed"
    cd "$prefix"/lib/python3*/site-packages
    # OpenVINO: lodbrain builds its graphs itself and runs them on the CPU. No plug-ins for other
    # devices, no readers of other programs' models.
    (cd openvino/libs && rm -f libopenvino_intel_gpu_plugin.so libopenvino_intel_npu_plugin.so \
        cache.json libopenvino_onnx_* libopenvino_tensorflow_* libopenvino_pytorch_* \
        libopenvino_paddle_* libopenvino_gguf_* libopenvino_jax_*)
    # Nothing here reports to anyone; only OpenVINO's converters, which are not used, would.
    python3 -m pip --quiet --python "$prefix/bin/python" uninstall --yes openvino-telemetry
    find . -type d -name tests -prune -exec rm -rf {} +
    chmod -R a+rX "$prefix"
}

wheel() {
    # shellcheck disable=SC2086
    pip wheel $from --no-deps --wheel-dir "$2" "$1"
}

lodbrain() {
    pip --python "$prefix/bin/python" install --no-deps --no-index "$1"/lodbrain-*.whl
    export LODBRAIN_CACHE="$prefix/weights"
    mkdir -p "$LODBRAIN_CACHE"
    if ls /given/*.h5 > /dev/null 2>&1; then
        "$prefix/bin/lodbrain" weights add /given/*.h5
    elif [ "$2" = 1 ]; then
        "$prefix/bin/lodbrain" weights fetch
    fi
    chmod -R a+rX "$LODBRAIN_CACHE"  # of all would be a second copy of all
}

"$@"
