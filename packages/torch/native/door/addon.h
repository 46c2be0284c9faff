// The door between JavaScript and libtorch: what every entry point uses.
#pragma once

#include "door/errors.h"
#include "door/exports.h"
#include "door/state.h"
#include "door/values.h"
