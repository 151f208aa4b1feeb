"""What can go wrong, each class named by what the user does next."""

from __future__ import annotations


class WorkbenchError(Exception):
    """Anything that the workbench itself refuses or reports."""


class BadKnob(WorkbenchError, ValueError):
    """A knob's value is outside its rule: choose another."""


class BadChoice(WorkbenchError, ValueError):
    """No menu has that entry: pick one that is there."""


class BadData(WorkbenchError, ValueError):
    """The data cannot be trained on as it is: mend it, or go on without what is broken."""


class NoWeights(WorkbenchError):
    """Pretrained weights are neither on this disk nor to be had: name others, or random ones."""


class OtherRecipe(WorkbenchError):
    """A folder holds a run of another recipe: take another folder."""


class RunBusy(WorkbenchError):
    """Another process drives this run: watch it, or stop it first."""


class BrokenRun(WorkbenchError):
    """A run folder cannot be read: nothing in it passes its checksum."""


class DiskFull(WorkbenchError, OSError):
    """No room for a checkpoint: free some, then go on from the last one."""


class Diverged(WorkbenchError, ArithmeticError):
    """The loss is no longer a finite number: lower the learning rate or a strength."""


class RunFailed(WorkbenchError):
    """A run's process ended with an error: its message and its log say which."""


class BadParameter(WorkbenchError, ValueError):
    """A notebook has no such parameter, or it takes another type."""


class ReportFailed(WorkbenchError):
    """A notebook did not come to its end: its page shows how far it came."""


class Interrupted(KeyboardInterrupt):
    """The run was interrupted between two steps; the same call goes on from there."""

    def _render_traceback_(self) -> list[str]:
        """IPython shows this instead of a traceback."""
        return [str(self)]


def told(kind: str, message: str) -> str:
    """An error that a run's process told: ours say what to do; of others the kind belongs to it (`KeyError: 'x'`)."""
    return message if kind in globals() else f"{kind}: {message}".removesuffix(": ")
