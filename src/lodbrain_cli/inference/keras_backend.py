"""Start Keras on a device with a number of threads, whichever backend it runs on.

Must be called before anything else imports Keras in the process, for the
environment variables and TensorFlow's thread pools are read once.
"""

import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import ResourceError, UsageError

__all__ = ["Backend", "start_keras"]


@dataclass(frozen=True)
class Backend:
    """Keras as it was started.

    Parameters
    ----------
    name, version : str
        "tensorflow", "jax" or "torch".
    keras_version : str
    device : str
        "cpu" or "gpu:N".
    threads : int
    """

    name: str
    version: str
    keras_version: str
    device: str
    threads: int

    def scope(self) -> AbstractContextManager[Any]:
        """Context in which Keras computes on the device."""
        import keras

        # "cpu", not "cpu:0": Keras on PyTorch takes that for another device and loses variables.
        scope: AbstractContextManager[Any] = keras.device(self.device)
        return scope


def start_keras(device: str, threads: int) -> Backend:
    """Import Keras with threads and device set.

    Parameters
    ----------
    device : str
        "auto" (a GPU when the backend sees one), "cpu", "gpu" or "gpu:N".
    threads : int
        Upper bound on CPU threads.

    Raises
    ------
    UsageError
        On another device name.
    ResourceError
        When a GPU is asked for and none is seen, or the backend is missing.
    """
    if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", device):
        msg = f"unknown device {device!r}; expected auto, cpu, gpu or gpu:N"
        raise UsageError(msg)
    try:
        keras = _import_keras(threads)
    except ImportError as error:
        wanted = os.environ.get("KERAS_BACKEND", "tensorflow")
        msg = f"Keras with backend {wanted!r} cannot be loaded ({error}); see KERAS_BACKEND"
        raise ResourceError(msg) from error
    name = keras.backend.backend()
    starters = {"tensorflow": _tensorflow, "torch": _torch, "jax": _jax}
    if name not in starters:
        msg = f"Keras' backend {name!r} is not used here; set KERAS_BACKEND to one of " + ", ".join(
            starters
        )
        raise UsageError(msg)
    gpus = starters[name](threads)
    chosen = _choose(device, gpus, name)
    version = sys.modules[name].__version__
    return Backend(name, version, keras.__version__, chosen, threads)


def _import_keras(threads: int) -> Any:
    if "keras" not in sys.modules:
        _set_environment(threads)
        with _signals_held_back(), _native_messages_held_back():
            import keras

            # A user's keras.json may say otherwise; the networks are written for these.
            keras.config.set_image_data_format("channels_last")
            keras.config.set_floatx("float32")
            if keras.backend.backend() == "tensorflow":
                import tensorflow  # noqa: F401 - speaks at import, and again here
    import keras

    return keras


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait: raised inside native callbacks, an import loses them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    )
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _native_messages_held_back() -> Iterator[None]:
    """Keep TensorFlow's start-up lines from the terminal, unless the import fails.

    They are written to descriptor 2 by native code before any log level is
    read, on every start, and say nothing that a user could act on.
    """
    try:
        terminal, file = os.dup(2), tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    except OSError:  # no standard error, or no place for temporary files
        yield
        return
    with file as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _set_environment(threads: int) -> None:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # JAX would take most of a GPU's memory at once and shut out whoever shares it.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def _tensorflow(threads: int) -> int:
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(min(2, threads))
        gpus = tf.config.list_physical_devices("GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # TensorFlow runs already: a caller of the API chose for us
        gpus = tf.config.list_physical_devices("GPU")
    return len(gpus)


def _torch(threads: int) -> int:
    import torch

    torch.set_num_threads(threads)
    return int(torch.cuda.device_count())


def _jax(threads: int) -> int:
    # XLA has no setting for its threads: it counts the processors it may run on.
    if hasattr(os, "sched_setaffinity") and "jax" not in sys.modules:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import jax

    try:
        return len(jax.devices("gpu"))
    except RuntimeError:
        return 0


def _choose(device: str, gpus: int, backend: str) -> str:
    if device == "cpu" or (device == "auto" and gpus == 0):
        return "cpu"
    number = int(device.partition(":")[2] or 0)
    if number >= gpus:
        msg = (
            f"device {device!r} was asked for, but {backend} sees {gpus} GPUs; install its GPU "
            "build or use --device cpu"
        )
        raise ResourceError(msg)
    return f"gpu:{number}"
