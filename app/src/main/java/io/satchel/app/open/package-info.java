/** From files that a person picked to a machine that can start. */
@NullMarked
package io.satchel.app.open;

import org.jspecify.annotations.NullMarked;
