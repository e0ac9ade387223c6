/** QED images, QEMU's format between qcow2 and raw. */
@NullMarked
package io.satchel.image.format.qed;

import org.jspecify.annotations.NullMarked;
