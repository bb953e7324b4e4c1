/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "utf8.h"

static void test_text(void **state)
{
    static const struct {
        const char *text;
        bool is_text;
    } CASES[] = {
        {"", true},
        {"3.5", true},
        {"\xc3\xa9", true},
        {"\xe2\x82\xac", true},
        {"a\xf0\x9f\x98\x80z", true},
        {"\xff", false},
        {"\x80", false},
        {"\xc3", false},
        {"\xc0\x80", false},         /* longer than need be */
        {"\xe0\x80\x80", false},     /* likewise */
        {"\xed\xa0\x80", false},     /* a surrogate */
        {"\xf4\x90\x80\x80", false}, /* past the last */
        {"\xe2\x82z", false},
        {"a\xf0\x9f\x98", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        assert_int_equal(utf8_is_text((const uint8_t *)CASES[i].text, strlen(CASES[i].text)),
                         CASES[i].is_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
