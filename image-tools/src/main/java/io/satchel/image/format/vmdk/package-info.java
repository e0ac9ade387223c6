/** VMware disk images (VMDK). */
@NullMarked
package io.satchel.image.format.vmdk;

import org.jspecify.annotations.NullMarked;
