/* Manifests of the ecosystems that a generated folder can be dropped into: the same sources are at
 * once a CMake library, an ESP-IDF component, a Zephyr module, an Arduino and a PlatformIO library,
 * a CMSIS-Pack and a Makefile fragment. Templates are in runtime_template/package/. */
#include "emit.h"

#include <string.h>

/* @name@ in a path stands for the prefix. `file` is what @file@ means in a forwarding file. */
static const struct {
    Package package;
    const char *path, *template, *file;
} package_files[] = {
    {PACKAGE_CMAKE, "CMakeLists.txt", "CMakeLists.txt", NULL},
    {PACKAGE_CMAKE, "test/@name@_check.c", "check.c", NULL},
    {PACKAGE_ZEPHYR, "zephyr/module.yml", "zephyr/module.yml", NULL},
    {PACKAGE_ZEPHYR, "zephyr/CMakeLists.txt", "zephyr/CMakeLists.txt", NULL},
    {PACKAGE_ZEPHYR, "zephyr/Kconfig", "zephyr/Kconfig", NULL},
    {PACKAGE_ESP_IDF, "CMakeLists.txt", "CMakeLists.txt", NULL},
    {PACKAGE_ESP_IDF, "idf_component.yml", "idf_component.yml", NULL},
    {PACKAGE_ARDUINO, "library.properties", "arduino/library.properties", NULL},
    {PACKAGE_ARDUINO, "examples/@name@_tell/@name@_tell.ino", "arduino/sketch.ino", NULL},
    {PACKAGE_PLATFORMIO, "library.json", "library.json", NULL},
    {PACKAGE_ARDUINO, "src/@name@.h", "arduino/forward.h", "@name@.h"},
    {PACKAGE_ARDUINO, "src/@name@.c", "arduino/forward.h", "@name@.c"},
    {PACKAGE_ARDUINO, "src/@name@_weights.c", "arduino/forward.h", "@name@_weights.c"},
    {PACKAGE_ARDUINO, "src/@name@_tokenizer.c", "arduino/forward.h", "@name@_tokenizer.c"},
    {PACKAGE_ARDUINO, "src/@name@_selftest.c", "arduino/forward.h", "@name@_selftest.c"},
    {PACKAGE_PLATFORMIO, "src/@name@.h", "arduino/forward.h", "@name@.h"},
    {PACKAGE_PLATFORMIO, "src/@name@.c", "arduino/forward.h", "@name@.c"},
    {PACKAGE_PLATFORMIO, "src/@name@_weights.c", "arduino/forward.h", "@name@_weights.c"},
    {PACKAGE_PLATFORMIO, "src/@name@_tokenizer.c", "arduino/forward.h", "@name@_tokenizer.c"},
    {PACKAGE_PLATFORMIO, "src/@name@_selftest.c", "arduino/forward.h", "@name@_selftest.c"},
    {PACKAGE_CMSIS, "lmcc.@name@.pdsc", "package.pdsc", NULL},
    {PACKAGE_MAKE, "@name@.mk", "package.mk", NULL},
    {PACKAGE_MAKE, "test/@name@_check.c", "check.c", NULL},
};

static const char *description(const Emission *e)
{
    return arena_printf(e->arena, "%s: a %s language model of %lld parameters, compiled by lmcc",
                        e->name, e->unit->original->family,
                        (long long)model_parameters(e->unit->original));
}

/* The text with each @word@ replaced; other uses of the sign are left alone. */
static void substitute_words(const Emission *e, const char *text, const char *file, Buf *b)
{
    const struct {
        const char *word, *value;
    } words[] = {
        {"@name@", e->name},
        {"@NAME@", e->upper},
        {"@version@", LMCC_VERSION},
        {"@description@", description(e)},
        {"@file@", file},
    };
    while (*text) {
        size_t i = 0;
        while (i < LENGTH(words) && strncmp(text, words[i].word, strlen(words[i].word)) != 0)
            i++;
        if (i == LENGTH(words)) {
            buf_write(b, text++, 1);
            continue;
        }
        if (strcmp(words[i].word, "@file@") == 0)
            substitute_words(e, file, "", b);
        else
            buf_puts(b, words[i].value);
        text += strlen(words[i].word);
    }
}

static const char *path_of(const Emission *e, size_t i)
{
    Buf b = {0};
    substitute_words(e, package_files[i].path, "", &b);
    const char *path = arena_strndup(e->arena, (const char *)b.data, b.len);
    buf_free(&b);
    return path;
}

/* Wanted, and not yet written for another package. */
static bool is_due(const Emission *e, size_t i)
{
    const unsigned packages = e->unit->recipe->packages;
    if (!(packages >> package_files[i].package & 1))
        return false;
    for (size_t k = 0; k < i; k++)
        if (strcmp(package_files[k].path, package_files[i].path) == 0 &&
            packages >> package_files[k].package & 1)
            return false;
    return true;
}

void emit_packages(Emission *e, void (*each)(Emission *e, Output *o, const char *name, Buf *b),
                   Output *o)
{
    for (size_t i = 0; i < LENGTH(package_files); i++) {
        if (!is_due(e, i))
            continue;
        const char *name =
            arena_printf(e->arena, "runtime_template/package/%s", package_files[i].template);
        const EmbeddedFile *f = embedded_find(name);
        if (!f)
            die("no template %s", name);
        Buf b = {0};
        substitute_words(e, f->data, package_files[i].file ? package_files[i].file : "", &b);
        each(e, o, path_of(e, i), &b);
        buf_free(&b);
    }
}
