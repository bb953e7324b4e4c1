/* SPDX-License-Identifier: MIT */
/* register_errors.h -- what the services of registers answer when something is in the way. */
#ifndef DECREE_SERVER_REGISTER_ERRORS_H
#define DECREE_SERVER_REGISTER_ERRORS_H

#include "services.h"

/* Answers the call; error is not 0. may_be_done: what was asked changes something. */
void register_fail(struct grpc_call *call, int error, bool may_be_done);

/* As services_after_ask(). */
int register_after_ask(struct grpc_call *call, int error);

/* As services_resume(). */
bool register_resume(struct grpc_call *call, int error, bool may_be_done);

#endif
