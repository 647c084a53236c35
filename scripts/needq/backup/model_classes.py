"""transformers' models, without libraries that it imports for what needq does not do.

If they are installed, it imports scikit-learn, with pandas, to generate with an assistant model,
and scipy for losses of object detection. It also imports what torch has for several machines, and
torch's compiler. That was half of the time that a job took to start.
"""

import transformers.utils
from transformers.utils import import_utils

from needq.backup.compiler import without_compiler

# transformers asks these before it imports any of them
transformers.utils.is_sklearn_available = transformers.utils.is_scipy_available = lambda: False
transformers.utils.is_torch_distributed_available = lambda: False
import_utils.is_torch_distributed_available = lambda: False

# they import all of the above, so they come after it
with without_compiler():
    from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel
    from transformers.initialization import no_init_weights
    from transformers.pytorch_utils import Conv1D

__all__ = ["AutoModelForCausalLM", "Conv1D", "DynamicCache", "PreTrainedModel", "no_init_weights"]
