/** What every screen of the window uses: texts and dialogs. */
@NullMarked
package io.satchel.app.common;

import org.jspecify.annotations.NullMarked;
