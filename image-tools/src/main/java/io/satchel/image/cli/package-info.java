/** {@code satchel img}: the words, the output and the exit statuses of qemu-img. */
@NullMarked
package io.satchel.image.cli;

import org.jspecify.annotations.NullMarked;
