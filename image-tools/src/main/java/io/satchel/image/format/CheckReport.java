package io.satchel.image.format;

import java.util.List;

/**
 * What a check found, in qemu-img's words.
 *
 * @param corruptions errors that can lose data and are still there
 * @param leaks clusters that are counted and not used, and still are
 * @param corruptionsFixed errors that were repaired
 * @param leaksFixed leaks that were repaired
 * @param checkErrors parts of the image that could not be checked
 * @param imageEndOffset the byte after the last cluster in use
 * @param totalClusters the clusters of the disk
 * @param messages one line a finding, for a person
 */
public record CheckReport(
    int corruptions,
    int leaks,
    int corruptionsFixed,
    int leaksFixed,
    int checkErrors,
    long imageEndOffset,
    long totalClusters,
    long allocatedClusters,
    long fragmentedClusters,
    long compressedClusters,
    List<String> messages) {
  public CheckReport {
    messages = List.copyOf(messages);
  }
}
