/* Options from one JSON object of numbers, {"temperature": 0.8, "top_k": 40}, parsed strictly (RFC
 * 8259) in constant memory: no nesting, each key at most once, keys spelled without escapes,
 * numbers without an exponent. Decimals become units of 1/65536, to the nearest, from nine places
 * after the point. Needs lm_port.h. SPDX-License-Identifier: 0BSD */
#ifndef LM_OPTIONS_H
#define LM_OPTIONS_H

#define LM_E_JSON (-21)   /* no JSON object of numbers */
#define LM_E_OPTION (-22) /* no such option, or given twice */
#define LM_E_RANGE (-23)  /* a value that the option cannot have */

#define LM_OPTION_WHOLE 0U /* a number without a point */
#define LM_OPTION_FIXED 1U /* any number, in units of 1/65536 */

typedef struct lm_option {
    const char *name;
    uint32_t kind; /* LM_OPTION_ */
    uint32_t max;  /* the largest value, in the option's units; the least is 0 */
} lm_option;

typedef struct lm_json {
    const char *text;
    uint32_t n, at;
} lm_json;

LM_INLINE int32_t lm_json_look(const lm_json *j)
{
    return j->at < j->n ? (int32_t)(unsigned char)j->text[j->at] : -1;
}

LM_INLINE int32_t lm_json_take(lm_json *j, char c)
{
    if (lm_json_look(j) != (int32_t)c) {
        return 0;
    }
    j->at++;
    return 1;
}

LM_INLINE void lm_json_space(lm_json *j)
{
    while (lm_json_take(j, ' ') || lm_json_take(j, '\t') || lm_json_take(j, '\n') ||
           lm_json_take(j, '\r')) {
    }
}

LM_INLINE int32_t lm_json_is_digit(const lm_json *j)
{
    const int32_t c = lm_json_look(j);
    return c >= (int32_t)'0' && c <= (int32_t)'9';
}

/* The option that a quoted name is; n: none, LM_E_JSON. */
LM_FUNCTION int32_t lm_json_name(lm_json *j, const lm_option *options, int32_t n)
{
    uint32_t start, length;
    int32_t i = 0;
    if (!lm_json_take(j, '"')) {
        return LM_E_JSON;
    }
    start = j->at;
    while (lm_json_look(j) >= 0x20 && lm_json_look(j) != (int32_t)'"' &&
           lm_json_look(j) != (int32_t)'\\') {
        j->at++;
    }
    length = j->at - start;
    if (lm_json_look(j) == (int32_t)'\\') {
        return n; /* no option is spelled so */
    }
    if (!lm_json_take(j, '"')) {
        return LM_E_JSON;
    }
    for (; i < n; i++) {
        uint32_t k = 0;
        while (k < length && options[i].name[k] == j->text[start + k]) {
            k++; /* ends at the name's NUL, which no text equals */
        }
        if (k == length && options[i].name[k] == '\0') {
            break;
        }
    }
    return i;
}

/* Digits of the part before the point, no zero in front: up to 2^32 - 1. */
LM_FUNCTION int32_t lm_json_whole(lm_json *j, uint32_t *value)
{
    int32_t result = 0;
    *value = 0;
    if (!lm_json_is_digit(j)) {
        return LM_E_JSON;
    }
    if (lm_json_take(j, '0')) {
        return lm_json_is_digit(j) ? LM_E_JSON : 0;
    }
    for (; lm_json_is_digit(j); j->at++) {
        const uint32_t digit = (uint32_t)lm_json_look(j) - (uint32_t)'0';
        if (*value > 429496729U || (*value == 429496729U && digit > 5U)) {
            result = LM_E_RANGE;
        } else {
            *value = *value * 10U + digit;
        }
    }
    return result;
}

/* Digits after the point as units of 1/65536: 0 .. 65536. */
LM_FUNCTION int32_t lm_json_places(lm_json *j, uint32_t *value)
{
    uint32_t digits = 0;
    uint32_t scale = 1;
    *value = 0;
    if (!lm_json_is_digit(j)) {
        return LM_E_JSON;
    }
    for (; lm_json_is_digit(j); j->at++) {
        if (scale < 1000000000U) {
            digits = digits * 10U + (uint32_t)lm_json_look(j) - (uint32_t)'0';
            scale *= 10U;
        }
    }
    for (int32_t bit = 0; bit < 17; bit++) { /* a division by 10^places, one bit a round */
        digits *= 2U;
        *value *= 2U;
        if (digits >= scale) {
            digits -= scale;
            *value += 1U;
        }
    }
    *value = (*value + 1U) >> 1;
    return 0;
}

LM_FUNCTION int32_t lm_json_number(lm_json *j, const lm_option *o, uint32_t *value)
{
    uint32_t whole;
    uint32_t places = 0;
    int32_t result;
    if (lm_json_look(j) == (int32_t)'-') {
        return LM_E_RANGE;
    }
    result = lm_json_whole(j, &whole);
    if (result == LM_E_JSON) {
        return result;
    }
    if (lm_json_take(j, '.')) {
        const int32_t rest = lm_json_places(j, &places);
        if (rest < 0) {
            return rest;
        }
        result = o->kind == LM_OPTION_WHOLE ? LM_E_RANGE : result;
    }
    if (lm_json_look(j) == (int32_t)'e' || lm_json_look(j) == (int32_t)'E') {
        return LM_E_RANGE;
    }
    if (o->kind == LM_OPTION_FIXED) {
        if (result == 0 && (whole > 65535U || (whole == 65535U && places > 65535U))) {
            result = LM_E_RANGE;
        }
        whole = (whole << 16) + places;
    }
    *value = whole;
    return result == 0 && whole > o->max ? LM_E_RANGE : result;
}

/* Sets those of the values (one for each of n <= 32 options) that the text (n_text bytes) names;
 * gives 0 or an error, after which some may have been set. */
LM_FUNCTION int32_t lm_options_parse(const char *text, uint32_t n_text, const lm_option *options,
                                     int32_t n, uint32_t *values)
{
    lm_json j = {NULL, 0, 0};
    uint32_t given = 0;
    j.text = text;
    j.n = n_text;
    lm_json_space(&j);
    if (!lm_json_take(&j, '{')) {
        return LM_E_JSON;
    }
    lm_json_space(&j);
    if (!lm_json_take(&j, '}')) {
        do {
            int32_t i;
            int32_t result;
            lm_json_space(&j);
            i = lm_json_name(&j, options, n);
            if (i < 0) {
                return i;
            }
            if (i == n || ((given >> i) & 1U) != 0U) {
                return LM_E_OPTION;
            }
            given |= 1U << i;
            lm_json_space(&j);
            if (!lm_json_take(&j, ':')) {
                return LM_E_JSON;
            }
            lm_json_space(&j);
            result = lm_json_number(&j, &options[i], &values[i]);
            if (result < 0) {
                return result;
            }
            lm_json_space(&j);
        } while (lm_json_take(&j, ','));
        if (!lm_json_take(&j, '}')) {
            return LM_E_JSON;
        }
    }
    lm_json_space(&j);
    return j.at == j.n ? 0 : LM_E_JSON;
}

#endif
