"""make rocrate: describe a finished run as a Workflow Run RO-Crate, in results/RUN/rocrate/.

Not a rule: it reads what a run left. Called from the project's folder, with the run's name.
"""

import sys
from pathlib import Path

from needq.common.errors import PREFIX, UserError
from needq.provenance.crate import write

if __name__ == "__main__":
    (run,) = sys.argv[1:]
    target = Path("results", run, "rocrate")
    try:
        count = write(Path.cwd(), run, target)
    except UserError as error:
        sys.exit(f"{PREFIX}{error}")
    print(f"{target}: {count} files")
