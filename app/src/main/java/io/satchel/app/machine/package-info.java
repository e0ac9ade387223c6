/** The running screen: the guest's picture, keyboard, pointer and controls. */
@NullMarked
package io.satchel.app.machine;

import org.jspecify.annotations.NullMarked;
