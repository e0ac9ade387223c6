package io.satchel.image.format.luks;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.crypt.Algorithms.BlockCipher;
import io.satchel.image.crypt.Pbkdf2;
import io.satchel.image.crypt.SectorCipher;
import io.satchel.image.crypt.SectorCipher.IvGenerator;
import io.satchel.image.crypt.SectorCipher.Mode;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The header of LUKS1 (LUKS On-Disk Format Specification 1.2.3) with its eight key slots, at any
 * place of a file: a LUKS image begins with it, a qcow2 image keeps it in clusters. The fields are
 * named as there.
 */
public final class LuksHeader {
  private static final byte[] MAGIC = {'L', 'U', 'K', 'S', (byte) 0xba, (byte) 0xbe};
  private static final int BYTES = 592;
  private static final int SLOTS = 8;
  private static final int FIRST_SLOT = 208;
  private static final int SLOT_BYTES = 48;
  private static final int ENABLED = 0x00AC71F3;
  private static final int DISABLED = 0x0000DEAD;
  private static final int SALT = 32;
  private static final int DIGEST = 20;
  private static final int STRIPES = 4000;
  private static final int MIN_ITERATIONS = 1000;
  private static final int SECTOR = 512;

  /** Where the first slot's material lies, and what all of it is aligned to. */
  private static final int ALIGNMENT = 4096;

  /**
   * More rounds than this are an attack on the reader: half a minute here, where the defaults of
   * today's programs ask for a few seconds.
   */
  static final int MAX_ITERATIONS = 40_000_000;

  /** One lock on the disk's key. */
  private static final class Slot {
    boolean active;
    int iterations;
    byte[] salt = new byte[SALT];
    int offsetSector;
    int stripes = STRIPES;
  }

  private final Storage file;
  private final long base;
  private final LuksOptions how;
  private final int payloadSector;
  private final byte[] digest;
  private final byte[] digestSalt;
  private final int digestIterations;
  private final Slot[] slots = new Slot[SLOTS];
  private final String uuidText;

  private LuksHeader(
      Storage file,
      long base,
      LuksOptions how,
      int payloadSector,
      byte[] digest,
      byte[] digestSalt,
      int digestIterations,
      String uuidText) {
    this.file = file;
    this.base = base;
    this.how = how;
    this.payloadSector = payloadSector;
    this.digest = digest;
    this.digestSalt = digestSalt;
    this.digestIterations = digestIterations;
    this.uuidText = uuidText;
  }

  /** Whether a file that begins so is LUKS version 1. */
  static boolean probe(ByteBuffer head) {
    byte[] magic = new byte[MAGIC.length];
    if (head.limit() < MAGIC.length + 2) {
      return false;
    }
    head.get(0, magic);
    return Arrays.equals(magic, MAGIC) && head.getShort(MAGIC.length) == 1;
  }

  // --- Reading ---

  /**
   * Reads a header and checks all of it before anything is allocated by it.
   *
   * @param base where in the file it begins
   * @param room how many bytes header and key slots may take there
   */
  public static LuksHeader read(Storage file, long base, long room) throws IOException {
    if (room < BYTES || file.size() < base + BYTES) {
      throw new ImageException(
          Kind.TRUNCATED,
          file.name(),
          "is cut short inside the LUKS header",
          "download or copy it again",
          file.size(),
          null);
    }
    ByteBuffer b = ByteBuffer.allocate(BYTES);
    file.read(base, b);
    b.clear();
    if (!probe(b)) {
      throw corrupt(file, "has no LUKS header of version 1", base);
    }
    String cipher = text(file, b, base, 8, 32);
    String mode = text(file, b, base, 40, 32);
    String hash = text(file, b, base, 72, 32);
    int payload = b.getInt(104);
    int keyBytes = b.getInt(108);
    LuksOptions how = parse(file, base, cipher, mode, hash, keyBytes);
    byte[] digest = new byte[DIGEST];
    b.get(112, digest);
    byte[] salt = new byte[SALT];
    b.get(132, salt);
    int rounds = b.getInt(164);
    checkIterations(file, base + 164, rounds);
    LuksHeader header =
        new LuksHeader(
            file, base, how, payload, digest, salt, rounds, text(file, b, base, 168, 40));
    for (int i = 0; i < SLOTS; i++) {
      header.slots[i] = header.slot(b, i);
    }
    header.check(room);
    return header;
  }

  private static String text(Storage file, ByteBuffer b, long base, int at, int length)
      throws ImageException {
    byte[] bytes = new byte[length];
    b.get(at, bytes);
    int end = 0;
    while (end < length && bytes[end] != 0) {
      end++;
    }
    if (end == length) {
      throw corrupt(file, "has a LUKS header with a name that does not end", base + at);
    }
    return new String(bytes, 0, end, StandardCharsets.ISO_8859_1);
  }

  private static LuksOptions parse(
      Storage file, long base, String cipher, String words, String hash, int keyBytes)
      throws ImageException {
    int dash = words.indexOf('-');
    int colon = words.indexOf(':');
    Mode mode = LuksOptions.mode(dash < 0 ? words : words.substring(0, dash));
    String vector =
        dash < 0 ? "plain" : words.substring(dash + 1, colon < 0 ? words.length() : colon);
    IvGenerator generator = LuksOptions.generator(vector);
    String ivHash = colon < 0 ? null : words.substring(colon + 1);
    boolean essiv = generator == IvGenerator.ESSIV;
    BlockCipher algorithm = LuksOptions.algorithm(cipher);
    if (algorithm == null
        || mode == null
        || generator == null
        || !LuksOptions.HASHES.contains(hash)
        || essiv && LuksOptions.keyOf(algorithm, ivHash) == 0) {
      throw new ImageException(
          Kind.UNSUPPORTED,
          file.name(),
          "is encrypted with "
              + cipher
              + "-"
              + words
              + " and "
              + hash
              + ", which is not known here",
          "convert it with cryptsetup or qemu-img and its pass phrase",
          base + 8,
          null);
    }
    if (!SectorCipher.fits(algorithm, mode, keyBytes)) {
      throw corrupt(
          file, "has a key of " + Integer.toUnsignedString(keyBytes) + " bytes", base + 108);
    }
    return new LuksOptions(algorithm, keyBytes, mode, generator, essiv ? ivHash : null, hash, 2000);
  }

  private Slot slot(ByteBuffer b, int index) throws ImageException {
    int at = FIRST_SLOT + index * SLOT_BYTES;
    Slot slot = new Slot();
    int active = b.getInt(at);
    if (active != ENABLED && active != DISABLED) {
      throw corrupt(file, "has key slot " + index + " in an impossible state", base + at);
    }
    slot.active = active == ENABLED;
    slot.iterations = b.getInt(at + 4);
    b.get(at + 8, slot.salt);
    slot.offsetSector = b.getInt(at + 40);
    slot.stripes = b.getInt(at + 44);
    if (slot.stripes != STRIPES) {
      throw corrupt(
          file,
          "has key slot " + index + " with " + Integer.toUnsignedString(slot.stripes) + " stripes",
          base + at + 44);
    }
    if (slot.active) {
      checkIterations(file, base + at + 4, slot.iterations);
    }
    return slot;
  }

  private static void checkIterations(Storage file, long where, int rounds) throws ImageException {
    if (rounds == 0) {
      throw corrupt(file, "hashes its pass phrase in no rounds at all", where);
    }
    if (rounds < 0 || rounds > MAX_ITERATIONS) {
      throw new ImageException(
          Kind.UNSUPPORTED,
          file.name(),
          "hashes its pass phrase in "
              + Integer.toUnsignedString(rounds)
              + " rounds, more than the "
              + MAX_ITERATIONS
              + " that are tried here",
          "set a new pass phrase with cryptsetup if you trust the image",
          where,
          null);
    }
  }

  private int slotSectors() {
    return Math.ceilDiv(how.keyBytes() * STRIPES, SECTOR);
  }

  /** Header, slots and payload must not lie over one another. */
  private void check(long room) throws ImageException {
    long payload = Integer.toUnsignedLong(payloadSector);
    if (payload < Math.ceilDiv(BYTES, SECTOR) || payload * SECTOR > 1L << 32) {
      throw corrupt(file, "has its data at an impossible place", base + 104);
    }
    long[] starts = new long[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
      starts[i] = Integer.toUnsignedLong(slots[i].offsetSector);
      long where = base + FIRST_SLOT + i * SLOT_BYTES + 40;
      if (starts[i] < Math.ceilDiv(BYTES, SECTOR)) {
        throw corrupt(file, "has key slot " + i + " inside the header", where);
      }
      long end = starts[i] + slotSectors();
      if (end > payload || end * SECTOR > room) {
        throw corrupt(file, "has key slot " + i + " inside the data", where);
      }
      for (int j = 0; j < i; j++) {
        if (starts[i] < starts[j] + slotSectors() && starts[j] < starts[i] + slotSectors()) {
          throw corrupt(file, "has key slots " + j + " and " + i + " in one place", where);
        }
      }
    }
  }

  private static ImageException corrupt(Storage file, String problem, long offset) {
    return new ImageException(
        Kind.CORRUPT, file.name(), problem, "restore its header from a copy", offset, null);
  }

  /** Where the disk begins, in bytes from the header's own place. */
  public long payloadOffset() {
    return Integer.toUnsignedLong(payloadSector) * SECTOR;
  }

  /** What qemu-img's info tells, under its names. */
  public Map<String, Object> specifics() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("ivgen-alg", how.generator().name().toLowerCase(Locale.ROOT));
    String ivHash = how.ivHash();
    if (ivHash != null) {
      all.put("ivgen-hash-alg", ivHash);
    }
    all.put("hash-alg", how.hash());
    all.put("cipher-alg", how.algorithmWord());
    all.put("uuid", uuidText);
    all.put("cipher-mode", how.mode().name().toLowerCase(Locale.ROOT));
    List<Object> list = new ArrayList<>();
    for (Slot slot : slots) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("active", slot.active);
      if (slot.active) {
        one.put("iters", (long) slot.iterations);
      }
      one.put("key-offset", Integer.toUnsignedLong(slot.offsetSector) * SECTOR);
      if (slot.active) {
        one.put("stripes", (long) slot.stripes);
      }
      list.add(one);
    }
    all.put("slots", list);
    all.put("payload-offset", payloadOffset());
    all.put("master-key-iters", (long) digestIterations);
    return all;
  }

  // --- Keys ---

  private byte[] masterDigest(byte[] key, byte[] salt, int rounds) {
    return Pbkdf2.derive(how.hash(), key, salt, rounds, DIGEST);
  }

  private byte @Nullable [] open(Slot slot, byte[] passphrase) throws IOException {
    byte[] lock = Pbkdf2.derive(how.hash(), passphrase, slot.salt, slot.iterations, how.keyBytes());
    byte[] split = new byte[slotSectors() * SECTOR];
    file.read(base + slot.offsetSector * (long) SECTOR, ByteBuffer.wrap(split));
    how.cipher(lock).decrypt(0, split, 0, split.length);
    byte[] key = KeySplitter.merge(split, how.keyBytes(), STRIPES, how.hash());
    byte[] found = masterDigest(key, digestSalt, digestIterations);
    return MessageDigest.isEqual(found, digest) ? key : null;
  }

  /**
   * The disk's key, by a pass phrase.
   *
   * @throws ImageException if it opens no slot
   */
  public byte[] unlock(byte[] passphrase) throws IOException {
    for (Slot slot : slots) {
      if (slot.active) {
        byte[] key = open(slot, passphrase);
        if (key != null) {
          return key;
        }
      }
    }
    throw new ImageException(
        Kind.WRONG_PASSPHRASE,
        file.name(),
        "cannot be unlocked with this pass phrase",
        "check it, and whether its file ends in a line feed that does not belong to it");
  }

  /** The disk's cipher, for its key. */
  public SectorCipher cipher(byte[] key) {
    return how.cipher(key);
  }

  private int rounds(long milliseconds) {
    long second = Pbkdf2.iterationsPerSecond(how.hash(), how.keyBytes());
    long wanted = second * milliseconds / 1000;
    return Math.clamp(wanted, MIN_ITERATIONS, MAX_ITERATIONS);
  }

  private void lock(int index, byte[] key, byte[] passphrase, long milliseconds)
      throws IOException {
    SecureRandom random = new SecureRandom();
    Slot slot = slots[index];
    slot.iterations = rounds(milliseconds);
    slot.stripes = STRIPES;
    random.nextBytes(slot.salt);
    byte[] lock = Pbkdf2.derive(how.hash(), passphrase, slot.salt, slot.iterations, how.keyBytes());
    byte[] split =
        Arrays.copyOf(KeySplitter.split(key, STRIPES, how.hash(), random), slotSectors() * SECTOR);
    how.cipher(lock).encrypt(0, split, 0, split.length);
    file.write(base + slot.offsetSector * (long) SECTOR, ByteBuffer.wrap(split));
    // The material is there before the header says so.
    file.flush();
    slot.active = true;
    write();
  }

  private void write() throws IOException {
    ByteBuffer b = ByteBuffer.allocate(BYTES);
    b.put(MAGIC).putShort((short) 1);
    b.put(8, how.algorithm().headerName().getBytes(StandardCharsets.US_ASCII));
    b.put(40, how.cipherMode().getBytes(StandardCharsets.US_ASCII));
    b.put(72, how.hash().getBytes(StandardCharsets.US_ASCII));
    b.putInt(104, payloadSector).putInt(108, how.keyBytes());
    b.put(112, digest).put(132, digestSalt).putInt(164, digestIterations);
    b.put(168, uuidText.getBytes(StandardCharsets.ISO_8859_1));
    for (int i = 0; i < SLOTS; i++) {
      int at = FIRST_SLOT + i * SLOT_BYTES;
      Slot slot = slots[i];
      b.putInt(at, slot.active ? ENABLED : DISABLED).putInt(at + 4, slot.iterations);
      b.put(at + 8, slot.salt).putInt(at + 40, slot.offsetSector).putInt(at + 44, slot.stripes);
    }
    file.write(base, b.clear());
    file.flush();
  }

  // --- Making and changing ---

  /** The bytes that a new header takes with its slots. */
  public static long bytesFor(LuksOptions how) {
    return ALIGNMENT + SLOTS * slotBytes(how.keyBytes());
  }

  private static long slotBytes(int keyBytes) {
    return Math.ceilDiv((long) keyBytes * STRIPES, ALIGNMENT) * ALIGNMENT;
  }

  /** Makes a key, and writes a header whose first slot holds it. */
  public static LuksHeader create(Storage file, long base, LuksOptions how, byte[] passphrase)
      throws IOException {
    SecureRandom random = new SecureRandom();
    byte[] key = new byte[how.keyBytes()];
    random.nextBytes(key);
    byte[] salt = new byte[SALT];
    random.nextBytes(salt);
    String mac = how.hash();
    // As QEMU: an eighth of the time, for each try of a slot ends with it.
    long rounds = Pbkdf2.iterationsPerSecond(mac, DIGEST) * how.iterTime() / 8000;
    int digestRounds = Math.clamp(rounds, MIN_ITERATIONS, MAX_ITERATIONS);
    LuksHeader header =
        new LuksHeader(
            file,
            base,
            how,
            (int) (bytesFor(how) / SECTOR),
            Pbkdf2.derive(mac, key, salt, digestRounds, DIGEST),
            salt,
            digestRounds,
            UUID.randomUUID().toString());
    for (int i = 0; i < SLOTS; i++) {
      Slot slot = new Slot();
      slot.offsetSector = (int) ((ALIGNMENT + i * slotBytes(how.keyBytes())) / SECTOR);
      header.slots[i] = slot;
    }
    header.lock(0, key, passphrase, how.iterTime());
    Arrays.fill(key, (byte) 0);
    return header;
  }

  /**
   * Adds a pass phrase.
   *
   * @param key the disk's key
   * @param slot which slot to use; -1 for the first free one
   * @param force overwrite a slot that is in use
   */
  public void addPassphrase(byte[] key, byte[] passphrase, int slot, long iterTime, boolean force)
      throws IOException {
    int index = slot;
    if (index < 0) {
      for (index = 0; index < SLOTS && slots[index].active; index++) {
        // Looking for the first free one.
      }
      if (index == SLOTS) {
        throw impossible("has all key slots in use, so no pass phrase can be added");
      }
    }
    checkSlot(index);
    if (slots[index].active && !force) {
      throw impossible("has key slot " + index + " in use; erase it first");
    }
    lock(index, key, passphrase, iterTime);
  }

  /** Erases one slot. */
  public void erase(int index, boolean force) throws IOException {
    checkSlot(index);
    if (!slots[index].active && !force) {
      throw impossible("has key slot " + index + " erased already");
    }
    if (slots[index].active && active() == 1 && !force) {
      throw impossible("would lose its last pass phrase, and all data with it");
    }
    wipe(index);
  }

  /** Erases all slots that a pass phrase opens. */
  public void erase(byte[] passphrase, boolean force) throws IOException {
    List<Integer> matching = new ArrayList<>();
    for (int i = 0; i < SLOTS; i++) {
      if (slots[i].active && open(slots[i], passphrase) != null) {
        matching.add(i);
      }
    }
    if (matching.isEmpty()) {
      throw impossible("has no key slot that this pass phrase opens");
    }
    if (matching.size() == active() && !force) {
      throw impossible("would lose its last pass phrase, and all data with it");
    }
    for (int index : matching) {
      wipe(index);
    }
  }

  private int active() {
    return (int) Arrays.stream(slots).filter(s -> s.active).count();
  }

  private void wipe(int index) throws IOException {
    Slot slot = slots[index];
    byte[] noise = new byte[slotSectors() * SECTOR];
    new SecureRandom().nextBytes(noise);
    file.write(base + slot.offsetSector * (long) SECTOR, ByteBuffer.wrap(noise));
    slot.active = false;
    slot.iterations = 0;
    slot.salt = new byte[SALT];
    write();
  }

  private void checkSlot(int index) throws ImageException {
    if (index < 0 || index >= SLOTS) {
      throw impossible("has key slots 0 to 7, and no slot " + index);
    }
  }

  private ImageException impossible(String problem) {
    return new ImageException(
        Kind.INVALID_REQUEST,
        file.name(),
        problem,
        "look at its slots with `satchel img info`, or insist with --force");
  }
}
