/* budget: refuses what does not fit the flash or RAM of the target, or the limits given, and says
 * by how much and what would fit. */
#include "grammar.h"
#include "pass.h"

static int64_t bytes_at(const Unit *u, double bits)
{
    return (int64_t)((double)model_parameters(u->model) * bits / 8);
}

/* The mean bits a weight as compiled. */
static double bits_now(const Unit *u)
{
    double bits = 0, weights = 0;
    Linear *l;
    for (int i = 0; (l = model_linears(u->model, i)); i++) {
        bits += linear_bits(l) * l->rows * l->cols;
        weights += (double)l->rows * l->cols;
    }
    return bits / weights;
}

/* The most bits, fewer than now, at which the parameters would fit, or 0. */
static double bits_that_fit(const Unit *u, int64_t limit)
{
    static const double steps[] = {8, 6, 5, 4, 3, 2, 1.6, 1};
    for (size_t i = 0; i < LENGTH(steps); i++)
        if (steps[i] < bits_now(u) && bytes_at(u, steps[i]) * 21 / 20 + CODE_BYTES <= limit)
            return steps[i];
    return 0;
}

static void check_flash(const Unit *u)
{
    const int64_t limit = u->flash_limit ? u->flash_limit : target_flash(u->target);
    const int64_t need = u->program->weight_bytes + CODE_BYTES;
    if (need <= limit)
        return;
    const double bits = bits_that_fit(u, limit);
    if (bits == 0)
        fatal("%s: flash: %lld bytes of weights and code, %lld available on %s: %lld too many; "
              "no quantization would fit, prune or take a smaller model",
              u->model->path, (long long)need, (long long)limit, u->target->name,
              (long long)(need - limit));
    fatal("%s: flash: %lld bytes of weights and code, %lld available on %s: %lld too many; "
          "%g bits a weight would fit (--bits %g)",
          u->model->path, (long long)need, (long long)limit, u->target->name,
          (long long)(need - limit), bits, bits);
}

/* Bytes of the KV cache for one token. */
static int64_t cache_bytes_per_token(const Program *p)
{
    int64_t n = 0;
    for (int i = 0; i < p->n_buffers; i++)
        if (p->buffers[i].lasting)
            n += (int64_t)p->buffers[i].count * elem_bytes[p->buffers[i].elem];
    return n >= p->window ? n / p->window : 1; /* layers may see less */
}

static void check_ram(const Unit *u)
{
    const int64_t limit = u->ram_limit ? u->ram_limit : target_ram(u->target);
    const int64_t extra = u->recipe->grammars.n ? grammar_ram(u->model->vocab) : 0;
    const int64_t need = u->program->state_bytes + extra + STACK_BYTES;
    if (need <= limit)
        return;
    const int64_t over = need - limit, per_token = cache_bytes_per_token(u->program);
    if (u->program->encoder)
        fatal("%s: RAM: %lld bytes of state and stack, %lld available on %s: %lld too many; "
              "shorter sequences than %d tokens (--window) or --tables nibble may fit",
              u->model->path, (long long)need, (long long)limit, u->target->name, (long long)over,
              u->program->window);
    const int64_t window = u->program->window - (over + per_token - 1) / per_token;
    if (window < 1)
        fatal("%s: RAM: %lld bytes of state and stack, %lld available on %s: %lld too many; "
              "no window would fit, --tables nibble%s or fewer layers may",
              u->model->path, (long long)need, (long long)limit, u->target->name, (long long)over,
              top_of(u->program) ? "" : ", --head-top 40");
    fatal("%s: RAM: %lld bytes of state and stack, %lld available on %s: %lld too many; "
          "a window of %lld tokens would fit (--window %lld)",
          u->model->path, (long long)need, (long long)limit, u->target->name, (long long)over,
          (long long)window, (long long)window);
}

void pass_budget(Unit *u)
{
    check_flash(u);
    check_ram(u);
}
