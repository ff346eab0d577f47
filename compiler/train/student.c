/* Parameters of a quantized model, to floats and back. A row's values are scale * (base[0] + sum of
 * base[1 + k] * bit k of the code) in every format: ternary codes 0, 1, 2 have the fixed base -1,
 * 1, 2. Int8 keeps its scales, its latents move. */
#include "train/student.h"

#include "train/loops.h"

#include <math.h>
#include <string.h>

#define MAX_BASE (1 + MAX_PLANES)
#define TOP_BASE 100.0  /* the codebook's largest number at the start, of 127 */
#define INSIDE 0.02f    /* of the distance between levels */
#define TOP_SCALE 180.0 /* the largest row scale, of 255 */

typedef struct Part {
    int layer; /* -1: none */
    Format format;
    bool uniform; /* steps stay equal: each coefficient twice the one before */
    int rows, cols, planes, n_levels;
    size_t weight, scale, base; /* in the parameters; weight also in the layout */
    int scale_exp;
    float gain;        /* of all rows; not trained */
    LevelSteps levels; /* as they are now */
} Part;

/* How fast a tensor may change, against one of 2 bits: finer levels need less. */
static float pace(const Linear *l)
{
    static const float by_planes[1 + MAX_PLANES] = {0, 1, 1, 0.7f, 0.4f, 0.25f, 0.15f};
    return l->format == FORMAT_PLANES    ? by_planes[l->planes]
           : l->format == FORMAT_TERNARY ? 1
                                         : 0.05f;
}

static void add_segment(Arena *a, Student *s, int layer, size_t at, size_t n, double rate)
{
    s->segment = arena_grow(a, s->segment, s->n_segments, sizeof *s->segment);
    s->segment[s->n_segments++] = (Segment){at, n, (float)rate, layer};
}

/* Of the i-th linear. */
static int layer_of(const Model *m, int i)
{
    int layer;
    Role role;
    return model_linear_place(m, i, &layer, &role) ? layer : -1;
}

static double root_mean_square(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sqrt(sum / (double)n);
}

/* Codebook and scales as they are, in units that leave room to grow: factors of two and more move
 * between them. */
static void start_part(Part *p, const Linear *l, float *parameter)
{
    float *base = parameter + p->base, *scale = parameter + p->scale;
    double top = 1, largest = 0, factor = 1;
    if (l->format == FORMAT_PLANES) {
        top = fabs((double)l->zero);
        for (int k = 0; k < l->planes; k++) {
            top = fmax(top, fabs((double)l->coef[k]));
        }
        factor = top > 0 ? TOP_BASE / top : 1;
        if (p->uniform) { /* coefficients stay whole */
            factor = fmax(floor(factor), 1);
        }
        base[0] = (float)(l->zero * factor);
        for (int k = 0; k < l->planes; k++) {
            base[1 + k] = (float)(l->coef[k] * factor);
        }
    } else {
        base[0] = -1;
        base[1] = 1;
        base[2] = 2;
    }
    for (int r = 0; r < l->rows; r++) {
        largest = fmax(largest, (double)l->scale[r]);
    }
    const double grow = largest > 0 && l->format != FORMAT_INT8 ? TOP_SCALE / largest : 1;
    int up = (int)floor(log2(grow * factor)); /* the exponent takes whole powers of two */
    double rest = ldexp(1 / factor, up);      /* at most TOP_SCALE / largest */
    if (l->format == FORMAT_INT8) {
        up = 0;
        rest = 1;
    }
    p->scale_exp = l->scale_exp - up;
    p->gain = (float)linear_gain(l);
    for (int r = 0; r < l->rows; r++) {
        scale[r] = (float)(l->scale[r] * rest);
    }
}

/* Learning rates follow each tensor's own size: 0.7 % of its weights' deviation, 0.1 % of its
 * scales' mean and 0.03 % of its codebook's largest number a step, for a rate of 1e-3. */
static void add_segments(Arena *a, Student *s, const Part *p, const Linear *l)
{
    const size_t n = (size_t)l->rows * (size_t)l->cols;
    const double speed = (double)pace(l);
    add_segment(a, s, p->layer, p->weight, n, 7 * speed * root_mean_square(l->w, n));
    if (l->format != FORMAT_INT8) {
        const float *scale = s->parameter + p->scale;
        add_segment(a, s, p->layer, p->scale, (size_t)l->rows,
                    speed * root_mean_square(scale, (size_t)l->rows));
    }
    if (l->format == FORMAT_PLANES) { /* of equal steps the size is the scales', the start moves */
        const size_t free = p->uniform ? 1 : (size_t)l->planes + 1;
        add_segment(a, s, p->layer, p->base, free, 0.3 * speed * TOP_BASE);
    }
}

/* The nearest integer that the device can hold, as a float; a row of zeros keeps its scale 0. */
static float whole(float x, float low, float high)
{
    const float v = floorf(x + 0.5f);
    return v < low ? low : v > high ? high : v;
}

static float whole_scale(float x)
{
    return x == 0 ? 0 : whole(x, 1, 255);
}

static float row_scale(const Student *s, const Part *p, size_t r)
{
    return p->gain * ldexpf(whole_scale(s->parameter[p->scale + r]), p->scale_exp);
}

static void whole_base(const Part *p, const float *parameter, float *base)
{
    for (int k = 0; k <= p->planes; k++) {
        base[k] = whole(parameter[p->base + (size_t)k], -127, 127);
    }
}

/* The levels in ascending order, as steps from each to the next. */
static void find_levels(Part *p, const float *base)
{
    LevelSteps *v = &p->levels;
    float value[1 << MAX_PLANES] = {0};
    uint8_t code[1 << MAX_PLANES] = {0};
    for (int c = 0; c < p->n_levels; c++) {
        float x = base[0];
        for (int k = 0; k < p->planes; k++) {
            x += c >> k & 1 ? base[1 + k] : 0;
        }
        int at = c;
        for (; at > 0 && value[at - 1] > x; at--) {
            value[at] = value[at - 1];
            code[at] = code[at - 1];
        }
        value[at] = x;
        code[at] = (uint8_t)c;
    }
    v->n = p->n_levels - 1;
    v->first = value[0];
    v->first_code = code[0];
    for (int i = 0; i < v->n; i++) {
        v->threshold[i] = (value[i] + value[i + 1]) / 2;
        v->step[i] = value[i + 1] - value[i];
        v->flip[i] = code[i] ^ code[i + 1];
    }
}

/* Moves latents that would round to another code than the model has: just inside the cell of that
 * one. A post-training method may have had its reasons for it. */
static void settle(Student *s, Part *p, const Linear *l)
{
    const LevelSteps *v = &p->levels;
    int rank[1 << MAX_PLANES];
    float base[MAX_BASE];
    whole_base(p, s->parameter, base);
    find_levels(p, base);
    for (int i = 0, code = v->first_code; i <= v->n; i++) {
        rank[code] = i;
        code ^= i < v->n ? v->flip[i] : 0;
    }
    for (size_t i = 0; i < (size_t)l->rows * (size_t)l->cols; i++) {
        float *w = &s->parameter[p->weight + i];
        const float scale = row_scale(s, p, i / (size_t)l->cols);
        const int at = rank[l->code[i]];
        const float low = at > 0 ? v->threshold[at - 1] + INSIDE * v->step[at - 1] : -INFINITY;
        const float high = at < v->n ? v->threshold[at] - INSIDE * v->step[at] : INFINITY;
        *w = fminf(fmaxf(*w, scale * low), scale * high);
    }
}

static void add_norms(Arena *a, Student *s, Model *m)
{
    const Layout *y = s->layout;
    const int each = model_norm_index(m, 1, 0); /* norms of a layer */
    for (int i = 0; i < y->n_norms; i++) {
        const Norm *v = model_norm(m, i);
        const double size = 0.5 * root_mean_square(v->gamma, (size_t)v->n);
        const int layer = i < m->n_layers * each ? i / each : -1;
        add_segment(a, s, layer, y->norm[i], (size_t)v->n, size);
        if (y->beta[i]) {
            add_segment(a, s, layer, y->beta[i], (size_t)v->n, size);
        }
    }
}

/* As fast as a row's product with a normed vector may change by its scale. Keys that are not turned
 * keep theirs: softmax takes it off every score, so its gradient is rounding. */
static void add_biases(Arena *a, Student *s, Model *m)
{
    const Layout *y = s->layout;
    for (int i = 0; i <= y->n_linears; i++) {
        const Linear *l = i < y->n_linears ? model_linears(m, i) : &m->embed;
        int layer;
        Role role = ROLES;
        const bool lost = m->position != POSITION_ROPE && !m->qk_norm &&
                          model_linear_place(m, i, &layer, &role) && role == ROLE_K;
        if (y->bias[i] && !lost) {
            const double size = root_mean_square(l->w, (size_t)l->rows * (size_t)l->cols);
            add_segment(a, s, layer_of(m, i), y->bias[i], (size_t)l->rows,
                        (double)pace(l) * size * sqrt(l->cols));
        }
    }
}

Student *student_new(Arena *a, Model *m, const Layout *y, LevelKind levels)
{
    Student *s = NEW(a, Student, 1);
    Linear *l;
    s->layout = y;
    s->n = y->size;
    s->part = NEW(a, Part, y->n_linears);
    s->code = NEW(a, uint8_t, y->weights);
    for (int i = 0; (l = model_linears(m, i)); i++) {
        Part *p = &s->part[i];
        *p = (Part){.layer = layer_of(m, i), .format = l->format, .rows = l->rows, .cols = l->cols};
        p->uniform = levels == LEVELS_UNIFORM && l->format == FORMAT_PLANES && l->planes > 1;
        p->planes = l->format == FORMAT_PLANES ? l->planes : l->format == FORMAT_TERNARY ? 2 : 0;
        p->n_levels = l->format == FORMAT_TERNARY ? 3 : 1 << p->planes;
        p->weight = y->linear[i];
        p->scale = s->n;
        p->base = p->scale + (size_t)l->rows;
        s->n = p->base + MAX_BASE;
    }
    s->parameter = NEW(a, float, s->n);
    for (int i = 0; (l = model_linears(m, i)); i++) {
        const Part *p = &s->part[i];
        memcpy(s->parameter + p->weight, l->w, (size_t)l->rows * (size_t)l->cols * sizeof(float));
        start_part(&s->part[i], l, s->parameter);
        if (l->format != FORMAT_INT8) {
            settle(s, &s->part[i], l);
        }
        add_segments(a, s, p, l);
    }
    layout_read(y, m, s->parameter);
    add_norms(a, s, m);
    add_biases(a, s, m);
    return s;
}

static void part_weights(Student *s, int i, float *all)
{
    Part *p = &s->part[i];
    float base[MAX_BASE];
    if (p->format != FORMAT_INT8) {
        whole_base(p, s->parameter, base);
        find_levels(p, base);
    }
    for (int r = 0; r < p->rows; r++) {
        const size_t at = p->weight + (size_t)r * (size_t)p->cols;
        const float scale = row_scale(s, p, (size_t)r);
        if (scale == 0) {
            memset(all + at, 0, (size_t)p->cols * sizeof(float));
            memset(s->code + at, 0, (size_t)p->cols);
        } else if (p->format == FORMAT_INT8) {
            for (size_t c = at; c < at + (size_t)p->cols; c++) {
                const float v = whole(s->parameter[c] / scale, -127, 127);
                all[c] = scale * v;
                s->code[c] = (uint8_t)(int8_t)v;
            }
        } else {
            loops()->quantize(s->parameter + at, p->cols, scale, &p->levels, all + at,
                              s->code + at);
        }
    }
}

void student_weights(Student *s, float *all)
{
    const Layout *y = s->layout;
#pragma omp parallel for schedule(dynamic, 1) if (y->weights >= 1 << 22)
    for (int i = 0; i < y->n_linears; i++) {
        part_weights(s, i, all);
    }
    memcpy(all + y->weights, s->parameter + y->weights, (y->size - y->weights) * sizeof(float));
}

static void part_gradient(const Student *s, int i, const float *d_all, float *gradient)
{
    const Part *p = &s->part[i];
    float base[MAX_BASE], d_base[MAX_BASE] = {0};
    if (p->format == FORMAT_INT8) {
        return;
    }
    whole_base(p, s->parameter, base);
    for (int r = 0; r < p->rows; r++) {
        const size_t at = p->weight + (size_t)r * (size_t)p->cols;
        const float scale = row_scale(s, p, (size_t)r);
        float sum[MAX_BASE], d_scale = 0;
        loops()->sum_planes(d_all + at, s->code + at, p->cols, p->planes, sum);
        for (int k = 0; k <= p->planes; k++) {
            d_scale += base[k] * sum[k];
            d_base[k] += scale * sum[k];
        }
        gradient[p->scale + (size_t)r] = scale == 0 ? 0 : p->gain * ldexpf(d_scale, p->scale_exp);
    }
    for (int k = 0; k <= p->planes; k++) {
        gradient[p->base + (size_t)k] = d_base[k];
    }
}

void student_gradient(const Student *s, const float *d_all, float *gradient)
{
    const Layout *y = s->layout;
    memcpy(gradient, d_all, y->size * sizeof(float));
    memset(gradient + y->size, 0, (s->n - y->size) * sizeof(float));
#pragma omp parallel for schedule(dynamic, 1) if (y->weights >= 1 << 22)
    for (int i = 0; i < y->n_linears; i++) {
        part_gradient(s, i, d_all, gradient);
    }
}

void student_store(Student *s, Model *m, float *all)
{
    const Layout *y = s->layout;
    Linear *l;
    student_weights(s, all);
    for (int i = 0; (l = model_linears(m, i)); i++) {
        const Part *p = &s->part[i];
        const size_t n = (size_t)p->rows * (size_t)p->cols;
        float base[MAX_BASE];
        memcpy(l->w, s->parameter + p->weight, n * sizeof(float));
        memcpy(l->code, s->code + p->weight, n);
        l->scale_exp = p->scale_exp;
        for (int r = 0; r < p->rows; r++) {
            l->scale[r] = (uint8_t)whole_scale(s->parameter[p->scale + (size_t)r]);
        }
        whole_base(p, s->parameter, base);
        for (int k = 0; l->format == FORMAT_PLANES && k <= p->planes; k++) {
            *(k ? &l->coef[k - 1] : &l->zero) = (int8_t)base[k];
        }
    }
    layout_write(y, s->parameter, m);
}
