/** Tests of the command line against qemu-img. */
@NullMarked
package io.satchel.image.cli;

import org.jspecify.annotations.NullMarked;
