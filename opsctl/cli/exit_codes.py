"""What the exit code says; `opsctl.core.exit_codes` has it, since the audit log keeps it too."""

from __future__ import annotations

from opsctl.core.exit_codes import EXIT_CODES, MEANINGS, ExitCode, exit_code_of

__all__ = ["EXIT_CODES", "MEANINGS", "ExitCode", "exit_code_of"]
