package io.satchel.image.file;

import java.util.Locale;

/**
 * What a format is about to do with its file, by the names of QEMU's {@code BlkdebugEvent}
 * (qapi/block-core.json), for tools that make just that request fail or wait. Where this program
 * does not take a step that QEMU takes, there is no event.
 */
public enum StorageEvent {
  L1_UPDATE,
  L1_GROW_ALLOC_TABLE,
  L1_GROW_WRITE_TABLE,
  L1_GROW_ACTIVATE_TABLE,
  L2_LOAD,
  L2_UPDATE,
  L2_UPDATE_COMPRESSED,
  L2_ALLOC_COW_READ,
  L2_ALLOC_WRITE,
  READ_AIO,
  READ_BACKING_AIO,
  READ_COMPRESSED,
  WRITE_AIO,
  WRITE_COMPRESSED,
  VMSTATE_LOAD,
  VMSTATE_SAVE,
  COW_READ,
  COW_WRITE,
  REFTABLE_LOAD,
  REFTABLE_UPDATE,
  REFBLOCK_LOAD,
  REFBLOCK_UPDATE_PART,
  REFBLOCK_ALLOC,
  REFBLOCK_ALLOC_HOOKUP,
  REFBLOCK_ALLOC_WRITE,
  REFBLOCK_ALLOC_WRITE_BLOCKS,
  REFBLOCK_ALLOC_WRITE_TABLE,
  REFBLOCK_ALLOC_SWITCH_TABLE,
  CLUSTER_ALLOC,
  CLUSTER_ALLOC_BYTES,
  CLUSTER_FREE,
  /** A flush begins. */
  FLUSH_TO_OS,
  /** A flush has reached the medium: QEMU too tells of it only then. */
  FLUSH_TO_DISK,
  EMPTY_IMAGE_PREPARE;

  private final String word = name().toLowerCase(Locale.ROOT);

  /** QEMU's word for it. */
  public String word() {
    return word;
  }
}
