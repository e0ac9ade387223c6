package io.satchel.image;

import io.satchel.image.crypt.Passphrase;
import io.satchel.image.file.Storage;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * How an image is to be opened. Start from {@link #readOnly()} or {@link #forWriting()}.
 *
 * @param writable whether the image itself may be written; its backing files never are
 * @param format the format's name, or null to recognise it by content. A guest that writes a raw
 *     disk can make it look like anything: give "raw" for one whose format is known
 * @param backing which backing files may be opened
 * @param locking whether other programs are kept away, as QEMU does it
 * @param cache what a flush waits for
 * @param keys what unlocks the image and its backing files
 * @param answers what a person answered to questions that its files raised
 * @param through what the image's own file is read and written through; it closes that file
 */
public record OpenOptions(
    boolean writable,
    @Nullable String format,
    BackingPolicy backing,
    boolean locking,
    CacheMode cache,
    Keys keys,
    Answers answers,
    UnaryOperator<Storage> through) {
  public OpenOptions(
      boolean writable,
      @Nullable String format,
      BackingPolicy backing,
      boolean locking,
      CacheMode cache) {
    this(
        writable,
        format,
        backing,
        locking,
        cache,
        Keys.none(),
        Answers.none(),
        UnaryOperator.identity());
  }

  /** Which backing (and data) files an image may bring along. */
  public enum BackingPolicy {
    /** Those in the image's own folder or below it: right for a file from somewhere else. */
    SAME_FOLDER,
    /**
     * The first one wherever it is, for this program wrote its name; further ones only in the
     * folder of that one.
     */
    OVERLAY,
    /** Any file of the host. */
    ANYWHERE,
    /** None is opened: the image is looked at by itself. */
    NONE
  }

  /**
   * Pass phrases for a chain of images.
   *
   * @param byDepth one each: the image itself is 0, its backing file 1, and so on
   * @param needed whether an encrypted image without one is refused; otherwise it opens locked, to
   *     be described but not read
   */
  public record Keys(Map<Integer, byte[]> byDepth, boolean needed) {
    public Keys {
      byDepth = Map.copyOf(byDepth);
    }

    /** None: an encrypted image is refused. */
    public static Keys none() {
      return new Keys(Map.of(), true);
    }

    /** None, and none is needed to look at headers. */
    public static Keys unneeded() {
      return new Keys(Map.of(), false);
    }

    Passphrase at(int depth) {
      byte[] bytes = byDepth.get(depth);
      return bytes != null
          ? Passphrase.of(bytes)
          : needed ? Passphrase.none() : Passphrase.unneeded();
    }
  }

  /** What a flush waits for. */
  public enum CacheMode {
    /** Until the medium has it. What is written waits in the host's cache until then. */
    WRITEBACK,
    /**
     * As WRITEBACK, but whole blocks go past the host's cache, for a guest that caches itself;
     * where the host's file system cannot, it is WRITEBACK.
     */
    NONE,
    /** As WRITEBACK, and every write is flushed. */
    WRITETHROUGH,
    /** For nothing: a crash of the host may lose the image. */
    UNSAFE
  }

  /** For reading, recognised by content. */
  public static OpenOptions readOnly() {
    return new OpenOptions(false, null, BackingPolicy.SAME_FOLDER, true, CacheMode.WRITEBACK);
  }

  /** For reading and writing, recognised by content. */
  public static OpenOptions forWriting() {
    return new OpenOptions(true, null, BackingPolicy.SAME_FOLDER, true, CacheMode.WRITEBACK);
  }

  /** With the format given, or recognised by content when it is null. */
  public OpenOptions withFormat(@Nullable String name) {
    return new OpenOptions(writable, name, backing, locking, cache, keys, answers, through);
  }

  public OpenOptions withBacking(BackingPolicy policy) {
    return new OpenOptions(writable, format, policy, locking, cache, keys, answers, through);
  }

  public OpenOptions withLocking(boolean on) {
    return new OpenOptions(writable, format, backing, on, cache, keys, answers, through);
  }

  public OpenOptions withCache(CacheMode mode) {
    return new OpenOptions(writable, format, backing, locking, mode, keys, answers, through);
  }

  public OpenOptions withKeys(Keys unlocking) {
    return new OpenOptions(writable, format, backing, locking, cache, unlocking, answers, through);
  }

  public OpenOptions withAnswers(Answers given) {
    return new OpenOptions(writable, format, backing, locking, cache, keys, given, through);
  }

  /** With something between the image's own file and the format. */
  public OpenOptions withStorage(UnaryOperator<Storage> between) {
    return new OpenOptions(writable, format, backing, locking, cache, keys, answers, between);
  }

  /** With a pass phrase for the image itself. */
  public OpenOptions withPassphrase(byte[] passphrase) {
    return withKeys(new Keys(Map.of(0, passphrase.clone()), true));
  }
}
