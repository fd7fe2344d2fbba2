"""``lodbrain view``."""

from pathlib import Path

import click

from ..labels import LABEL_MAPS
from .console import emit, note, set_verbosity
from .options import option, verbosity_options

__all__ = ["view"]

_PATH = click.Path(path_type=Path, readable=False)


@click.command(
    short_help="Look at labels over their scan in a browser.",
    epilog="""
\b
Examples:
  lodbrain view seg.nii.gz
  lodbrain view seg.nii.gz T1.nii.gz --reference aparc+aseg.mgz
  lodbrain view seg.nii.gz --port 8080 --no-browser          then: ssh -L 8080:localhost:8080
""",
)
@click.argument("labels", type=_PATH, metavar="SEG")
@click.argument("image", type=_PATH, metavar="[T1]", required=False)
@option("--reference", type=_PATH, help="Label image by others, to switch to.")
@option(
    "--ref-label-map",
    type=click.Choice(["auto", *LABEL_MAPS]),
    default="auto",
    show_default=True,
    help="Protocol of the numbers in the reference; auto takes the first that knows all.",
)
@option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port on this machine; default: a free one.",
)
@option("--browser/--no-browser", default=True, help="Open the page, or print its address alone.")
@verbosity_options
def view(
    labels: Path,
    image: Path | None,
    reference: Path | None,
    ref_label_map: str,
    port: int | None,
    browser: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Show any label image over its scan, in a browser on this machine.

    SEG may be a result of lodbrain or of another tool. The scan is T1, or the one that
    the run record beside SEG names. The page is served to this machine alone, under an
    address that cannot be guessed, until Ctrl-C. Printed is the address. Needs the
    extra 'report'.
    """
    set_verbosity(verbose, quiet=quiet)
    from ..outputs.report.document import check_installed, content_security_policy
    from ..outputs.report.page import PAGE_SCRIPT, report_page
    from ..outputs.report.reference import LabelSource
    from ..viewing.labels import display_of_files, read_beside
    from ..viewing.server import PageServer

    check_installed()
    others = LabelSource(reference, ref_label_map) if reference is not None else None
    page = report_page(display_of_files(labels, image, others), read_beside(labels))
    with PageServer(page, content_security_policy(PAGE_SCRIPT), port or 0) as server:
        emit(server.address)
        if not quiet:
            note("serving until Ctrl-C")
        if browser:
            import webbrowser

            webbrowser.open(server.address)
        try:
            server.serve()
        except KeyboardInterrupt:
            if not quiet:
                note("closed")
