"""transformers' models, without libraries that it imports for what needq does not do.

If they are installed, it imports scikit-learn, with pandas, to generate with an assistant model,
and scipy for losses of object detection. That was a quarter of the time that a job took to start.
"""

import transformers.utils

# transformers asks these before it imports either
transformers.utils.is_sklearn_available = transformers.utils.is_scipy_available = lambda: False

# they import all of the above, so they come after it
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel  # noqa: E402

__all__ = ["AutoModelForCausalLM", "DynamicCache", "PreTrainedModel"]
