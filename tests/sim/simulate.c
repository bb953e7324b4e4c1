/* SPDX-License-Identifier: MIT */
/* simulate.c -- `decree sim` as a program of its own: what the tests and the mutants run. */
#include "commands.h"

int main(int argc, char **argv)
{
    return cmd_sim(argc, argv);
}
