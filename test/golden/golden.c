/* golden PASS IN.ir RECIPE.yaml TARGET.yaml: runs one pass on a text IR and prints the text that
 * comes out. "-" for a recipe: the default. Errors go to stderr as the compiler's own do. */
#include "pass.h"

#include <stdio.h>
#include <string.h>

static void print_pass(Arena *a, const char *const *arg)
{
    const int pass = find_pass(arg[0]);
    if (pass < 0) {
        usage_error("%s: no such pass", arg[0]);
    }
    Recipe *recipe = recipe_default(a);
    if (strcmp(arg[2], "-") != 0) {
        recipe_apply(a, recipe, yaml_read(a, arg[2]));
    }
    Unit u = {.arena = a, .recipe = recipe, .target = target_load(a, arg[3])};
    const File f = file_map(a, arg[1]);
    ir_parse(&u, f.path, (const char *)f.data, f.size);
    run_pass(&u, &passes[pass]);
    Buf text = {0};
    ir_print(&u, &text);
    if (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0) {
        fatal("standard output: cannot write");
    }
    buf_free(&text);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        usage_error("golden PASS IN.ir RECIPE.yaml TARGET.yaml");
    }
    Arena *a = arena_new();
    print_pass(a, (const char *const *)argv + 1);
    arena_free(a);
    return 0;
}
