/** Step by step: make a computer, take a disk over, make a disk. */
@NullMarked
package io.satchel.app.wizard;

import org.jspecify.annotations.NullMarked;
