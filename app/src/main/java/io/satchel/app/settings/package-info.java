/** What a person chooses: for a machine, for the program, and as a QEMU command. */
@NullMarked
package io.satchel.app.settings;

import org.jspecify.annotations.NullMarked;
