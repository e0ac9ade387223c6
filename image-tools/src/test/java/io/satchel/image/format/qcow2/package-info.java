/** Tests of the qcow2 format. */
@NullMarked
package io.satchel.image.format.qcow2;

import org.jspecify.annotations.NullMarked;
