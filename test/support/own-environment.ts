/**
 * Set-up of tests that start the product: VLLM_TWIN_PYTHON is for the interop tests alone, and the product would say that it
 * is none of its settings.
 */
delete process.env['VLLM_TWIN_PYTHON'];
