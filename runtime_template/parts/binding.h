#if MODEL_BLOB
int model_bind(model_t *s, const void *blob, uint32_t bytes)
{
    int32_t fault;
    if (s == NULL || blob == NULL) {
        return MODEL_E_ARGUMENT;
    }
    model_reset(s);
    s->weights = NULL;
    fault = lm_blob_check(blob, bytes, model_blob_header);
    if (fault != 0) {
        return (int)fault;
    }
#if MODEL_CHECK_WEIGHTS
    if (model_blob_intact((const uint8_t *)blob) == 0) {
        return MODEL_E_WEIGHTS;
    }
#endif
    s->weights = (const uint8_t *)blob;
    return MODEL_OK;
}
#endif

int model_init(model_t *s)
{
    if (s == NULL) {
        return MODEL_E_ARGUMENT;
    }
    model_reset(s);
#if MODEL_BLOB
    s->weights = NULL;
#ifdef MODEL_BLOB_ADDRESS
    return model_bind(s, (const void *)(uintptr_t)(MODEL_BLOB_ADDRESS), MODEL_BLOB_BYTES);
#endif
#elif MODEL_CHECK_WEIGHTS
    if (model_weights_hash() != MODEL_WEIGHTS_HASH) {
        return MODEL_E_WEIGHTS;
    }
#endif
    return MODEL_OK;
}
