// Reads runs of beats from one AXI4 channel and gives them as a stream, in the order of commands.
//
// A command is cut into INCR bursts at multiples of BurstBeats beats, so none crosses 4 KiB. Beats
// go on as they come: who takes them has room for RoomBeats, and tells how many have left. Bursts
// are asked for when there is room for all of them, or if takes_all_i, when beats need none: so
// r_ready_o never falls. A response with an error sets error_o; its beat goes on like any other.
module axi_read_stream #(
  parameter int unsigned BurstBeats = 64,   // at most; a power of two, 4 KiB or less
  parameter int unsigned Outstanding = 32,  // bursts under way; a power of two
  parameter int unsigned RoomBeats = 504,
  parameter int unsigned AddressW = 64,     // bits of an address that may be set
  parameter int unsigned BeatsW = 32,       // of a command
  localparam int unsigned CountW = $clog2(RoomBeats) + 1,
  localparam int unsigned DataW = accllm_pkg::BeatBytes * 8
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             command_valid_i,
  output logic             command_ready_o,
  input  logic [63:0]      base_i,             // of bytes, as addresses: multiples of a beat
  input  logic [63:0]      command_address_i,  // from base_i on
  input  logic [BeatsW-1:0] command_beats_i,   // 0: nothing happens
  output logic             valid_o,
  output logic [DataW-1:0] data_o,
  output logic             last_o,             // of a command
  input  logic             takes_all_i,        // beats that are asked for now count for nothing
  input  logic             clear_i,            // with nothing under way: counts begin at 0
  input  logic [CountW-1:0] freed_i,           // beats that have left, of those that count
  output logic             idle_o,             // no command, no burst
  output logic             error_o,
  input  logic             error_clear_i,
  output logic             ar_valid_o,
  input  logic             ar_ready_i,
  output logic [63:0]      ar_address_o,
  output logic [7:0]       ar_length_o,        // beats less one
  input  logic             r_valid_i,
  output logic             r_ready_o,
  input  logic [DataW-1:0] r_data_i,
  input  logic [1:0]       r_response_i,
  input  logic             r_last_i
);
  localparam int unsigned OffsetW = $clog2(accllm_pkg::BeatBytes);
  localparam int unsigned IndexW = $clog2(BurstBeats);
  localparam int unsigned BurstBytes = BurstBeats * accllm_pkg::BeatBytes;
  if (2 ** IndexW != BurstBeats || BurstBytes > 4096) begin : gen_check_burst
    $error("BurstBeats must be a power of two, and a burst at most 4 KiB");
  end
  if (RoomBeats < BurstBeats) begin : gen_check_room
    $error("RoomBeats must be at least BurstBeats");
  end

  // What is left of the command: from a beat on, whose page is what a burst may reach, to before
  // beat rest_q of the page that comes pages_q later.
  localparam int unsigned NumberW = AddressW - OffsetW;  // of a beat in memory
  localparam int unsigned PageW   = NumberW - IndexW;
  localparam int unsigned PagesW  = BeatsW - IndexW + 1;
  logic               active_q, loads, may_load, cut, is_last;
  logic [PageW-1:0]   page_q, page;
  logic [IndexW-1:0]  index_q, index;
  logic [PagesW-1:0]  pages_q, pages;
  logic [IndexW-1:0]  rest_q, rest, length;
  logic               carry, unused_low;
  assign loads = command_valid_i && command_ready_o;
  assign command_ready_o = !active_q || (cut && is_last);
  assign is_last = pages_q[PagesW-1:1] == '0 && (!pages_q[0] || rest_q == '0);
  assign length  = (rest_q & {IndexW{is_last}}) + ~index_q;

  // A page and how many are left are one sum each: of a command, or one page on. What is chosen
  // first is what a chain of carries takes as it is. Behind the last burst they may be anything, so
  // the choice need not wait for a command.
  assign may_load = !active_q || is_last;
  assign {carry, index} = {1'b0, command_address_i[OffsetW +: IndexW]}
                          + {1'b0, base_i[OffsetW +: IndexW]};
  assign {page, unused_low} =
      {command_address_i[AddressW-1 -: PageW] & {PageW{may_load}}, carry || !may_load}
      + {may_load ? base_i[AddressW-1 -: PageW] : page_q, 1'b1};
  assign {pages, rest} = {{PagesW{!may_load}}, index & {IndexW{may_load}}}
                         + (may_load ? {1'b0, command_beats_i} : {pages_q, IndexW'(0)});

  // The burst that waits for room, and the one that is offered to the memory.
  logic               burst_valid_q, burst_last_q, issue;
  logic [NumberW-1:0] burst_number_q;
  logic [IndexW-1:0]  burst_length_q;  // beats less one
  assign cut = active_q && (!burst_valid_q || issue);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      burst_valid_q <= 1'b0;
    end else begin
      if (loads) active_q <= command_beats_i != '0;
      else if (cut && is_last) active_q <= 1'b0;
      if (cut) burst_valid_q <= 1'b1;
      else if (issue) burst_valid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (loads || cut) begin
      page_q  <= page;
      index_q <= index & {IndexW{may_load}};
      pages_q <= pages;
    end
    if (loads) rest_q <= rest;
    if (cut) begin
      burst_number_q <= {page_q, index_q};
      burst_length_q <= length;
      burst_last_q <= is_last;
    end
  end

  // Beats for which there is room, neither there nor under way: those that were never asked for,
  // and those that have left.
  logic [CountW-1:0] room_q, unasked_q, unasked, beats;
  logic counts, tag_ready;
  assign counts = issue && !takes_all_i;
  assign beats = CountW'(burst_length_q);  // less one
  assign unasked = unasked_q + (~beats & {CountW{counts}});
  assign issue = burst_valid_q && (!ar_valid_o || ar_ready_i) && tag_ready
                 && (takes_all_i || beats < room_q);
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      room_q <= CountW'(RoomBeats);
      unasked_q <= CountW'(RoomBeats);
    end else begin
      room_q <= unasked + freed_i;
      unasked_q <= unasked;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ar_valid_o <= 1'b0;
    end else begin
      if (issue) ar_valid_o <= 1'b1;
      else if (ar_ready_i) ar_valid_o <= 1'b0;
    end
  end
  logic [NumberW-1:0] ar_number_q;
  always_ff @(posedge clk_i) begin
    if (issue) begin
      ar_number_q <= burst_number_q;
      ar_length_o <= 8'(burst_length_q);
    end
  end

  assign ar_address_o = 64'({ar_number_q, OffsetW'(0)});

  // For each burst under way: whether it is the last of its command.
  logic tag_valid, tag_last;
  logic [$clog2(Outstanding):0] unused_tags;
  fifo_sync #(.Width(1), .Depth(Outstanding), .Style("distributed")) u_tags (
    .clk_i, .rst_ni,
    .valid_i(issue), .ready_o(tag_ready), .data_i(burst_last_q),
    .valid_o(tag_valid), .ready_i(r_valid_i && r_last_i), .data_o(tag_last), .count_o(unused_tags)
  );

  assign valid_o = r_valid_i;
  assign data_o = r_data_i;
  assign last_o = tag_last && r_last_i;
  assign r_ready_o = 1'b1;
  assign idle_o = !active_q && !burst_valid_q && !ar_valid_o && !tag_valid;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || error_clear_i) error_o <= 1'b0;
    else if (r_valid_i && r_response_i[1]) error_o <= 1'b1;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && command_valid_i) begin
      assert (command_address_i[OffsetW-1:0] == '0 && base_i[OffsetW-1:0] == '0)
      else $error("address within a beat");
      assert ((base_i + command_address_i) >> (AddressW - 1) <= 1)
      else $error("address of too many bits");
    end
    if (rst_ni && r_valid_i) begin
      assert (tag_valid) else $error("a beat that nobody asked for");
    end
  end
`endif
  logic unused;
  assign unused = ^{r_response_i[0], unused_low, base_i, command_address_i};
endmodule
