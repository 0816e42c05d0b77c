"""The compiled part, which is optional: without a compiler numpy computes the same bits.

A wheel that holds it serves CPython 3.11 and all later versions of a platform; one without it is a
pure wheel. `NARROWS_PURE=1` leaves it out. All else stands in pyproject.toml.
"""

import os
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel

STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")  # free-threaded CPython has no such ABI
SOURCES = sorted(str(path) for path in Path("native").glob("*.c"))
HEADERS = sorted(str(path) for path in Path("native").glob("*.h"))
FLAGS = ["-O3", "-std=c11", "-ffp-contract=off", "-fno-strict-aliasing", "-g0"]
"""Never -ffast-math: it sets a mode of the whole process in which small numbers become zero."""


def extensions() -> list[Extension]:
    """Return the extension, or nothing where it is not wanted."""
    if os.environ.get("NARROWS_PURE"):
        return []
    return [
        Extension(
            "narrows.codec._native",
            SOURCES,
            depends=HEADERS,
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
            extra_compile_args=FLAGS,
            py_limited_api=STABLE,
            optional=True,
        )
    ]


class Wheel(bdist_wheel):
    """A wheel that is pure where the extension could not be built."""

    def run(self) -> None:
        """Build, and see what there is to pack."""
        self.run_command("build")
        built = self.get_finalized_command("build_ext").get_outputs()
        if not any(map(os.path.exists, built)):
            self.distribution.ext_modules = []
            self.root_is_pure = True
        super().run()


setup(
    ext_modules=extensions(),
    cmdclass={"bdist_wheel": Wheel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
