/* How a model that reads frames of bytes meets them: a token for each patch of so many frames,
 * after the class token. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_PATCH_H
#define LM_PATCH_H

/* frames: patch after patch (n bytes each) -> that of token `at`, 1 for the first (n), zeros for
 * token 0, the class token. Gives what one unit is worth: 1. */
LM_INLINE lm_scale lm_patch(const int8_t *frames, int32_t at, int8_t *x, int32_t n)
{
    if (at == 0) {
        memset(x, 0, (size_t)n);
    } else {
        memcpy(x, frames + (at - 1) * n, (size_t)n);
    }
    return LM_SCALE(32768, -15);
}

#endif
