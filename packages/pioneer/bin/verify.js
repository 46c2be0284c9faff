#!/usr/bin/env node
void import("../dist/verify/main.js");
