/* A model and what the command line asks for, as a Unit that passes can run over. */
#include "cli.h"
#include "grammar.h"

#include <string.h>

static Recipe *make_recipe(Arena *a, const Options *o)
{
    Recipe *r = recipe_default(a);
    if (o->recipe)
        recipe_apply(a, r, yaml_read(a, o->recipe));
    for (int i = 0; i < o->n_sets; i++) {
        if (strncmp(o->sets[i], "bits:", 5) == 0)
            recipe_set_bits(a, r, o->sets[i] + 5);
        else if (strncmp(o->sets[i], "grammar:", 8) == 0)
            grammar_add_file(a, &r->grammars, o->sets[i] + 8);
        else
            recipe_set(a, r, o->sets[i]);
    }
    r->flash = o->flash ? o->flash : r->flash;
    r->ram = o->ram ? o->ram : r->ram;
    return r;
}

Unit *open_unit(Arena *a, const Options *o, const char *model_path)
{
    Unit *u = NEW(a, Unit, 1);
    u->arena = a;
    u->recipe = make_recipe(a, o);
    u->target = target_load(a, o->target ? o->target : "host");
    u->calib = o->calib;
    u->recover_state = o->recover_state;
    u->flash_limit = u->recipe->flash;
    u->ram_limit = u->recipe->ram;
    if (ir_is_text(model_path)) {
        const File f = file_map(a, model_path);
        ir_parse(u, model_path, (const char *)f.data, f.size);
    } else {
        u->model = import_model(a, model_path, o->tokenizer);
    }
    return u;
}
