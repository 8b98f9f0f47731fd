// Beats between a memory channel and a lane, which takes them apart: segment j of a beat comes j
// cycles after segment 0.
//
// read_i reads the beat at the front, and pop_i moves the front behind it; else it is read again.
// mark_i puts the mark where the front will be, rewind_i the front where the mark is; what lies
// before the mark makes room for new beats. So a queue has mark_i high always. A beat comes only if
// less than Room of them lie behind the mark: mark_o tells how far it has come.
module stream_buffer #(
  parameter int unsigned Depth = 512,  // a power of two
  localparam int unsigned BeatW = 512,
  localparam int unsigned CountW = $clog2(Depth) + 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  // From the channel.
  input  logic             valid_i,
  input  logic [BeatW-1:0] beat_i,
  output logic [CountW-1:0] mark_o,   // beats before it, modulo 2 Depth
  // To the lane.
  output logic             valid_o,   // there is a beat at the front
  input  logic             read_i,    // only if there is
  input  logic             pop_i,     // only with read_i
  input  logic             mark_i,
  input  logic             rewind_i,  // instead of read_i and mark_i
  output logic [BeatW-1:0] word_o     // [segment], segment j's j + 1 cycles after read_i
);
  localparam int unsigned Segments = rce_pkg::Segments;
  localparam int unsigned AddrW = $clog2(Depth);
  // Segment 7 of the last beats that were popped is still to be read.
  localparam int unsigned Room = Depth - Segments;
  if (Depth < 32 || 2 ** AddrW != Depth) begin : gen_check_depth
    $error("Depth must be a power of two, at least 32");
  end

  logic [CountW-1:0] tail_q, front_q, mark_q, next, front_d;
  assign mark_o = mark_q;
  assign next = front_q + 1'b1;
  assign front_d = rewind_i ? mark_q : pop_i ? next : front_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tail_q <= '0;
      front_q <= '0;
      mark_q <= '0;
      valid_o <= 1'b0;
    end else begin
      tail_q <= tail_q + CountW'(valid_i);
      front_q <= front_d;
      if (mark_i) mark_q <= front_d;
      // Of the beats that were there before this cycle.
      if (rewind_i) valid_o <= tail_q != mark_q;
      else if (pop_i) valid_o <= tail_q != next;
      else valid_o <= tail_q != front_q;
    end
  end

  logic [Segments*(AddrW+1)-1:0] reads;  // [segment]: enable, address
  assign reads[0 +: AddrW+1] = {read_i, front_q[AddrW-1:0]};
  for (genvar j = 0; j < Segments; j++) begin : gen_segment
    if (j > 0) begin : gen_later
      delay_line #(.Width(AddrW + 1), .Stages(1)) u_delay (
        .clk_i, .clear_i(1'b0), .data_i(reads[(AddrW+1)*(j-1) +: AddrW+1]),
        .data_o(reads[(AddrW+1)*j +: AddrW+1])
      );
    end
    ram_1w1r #(.Width(64), .Depth(Depth)) u_ram (
      .clk_i, .we_i(valid_i), .waddr_i(tail_q[AddrW-1:0]), .wdata_i(beat_i[64*j +: 64]),
      .re_i(reads[(AddrW+1)*j+AddrW]), .raddr_i(reads[(AddrW+1)*j +: AddrW]),
      .rdata_o(word_o[64*j +: 64])
    );
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_i) assert (tail_q - mark_q < CountW'(Room)) else $error("no room");
  end
`endif
endmodule
