/* SPDX-License-Identifier: MIT */
/* register_errors.h -- what the services of registers answer when something is in the way. */
#ifndef DECREE_SERVER_REGISTER_ERRORS_H
#define DECREE_SERVER_REGISTER_ERRORS_H

#include "grpc.h"

/* Answers the call; error is not 0. may_be_done: what was asked changes something. */
void register_fail(struct grpc_call *call, int error, bool may_be_done);

/* What became of a request that the backend took or did not take: 0 and FULL are to be handed back
 * by the handler, anything else is answered here. The call was kept before and is let go if the
 * backend did not take it. */
int register_after_ask(struct grpc_call *call, int error);

/* For completions. True: answer now. Otherwise there is nobody to answer, or it is answered. */
bool register_resume(struct grpc_call *call, int error, bool may_be_done);

#endif
