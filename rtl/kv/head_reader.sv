// Heads out of the lanes' banks: four dimensions a cycle in order, each with its partner in the
// rotation.
//
// A head of D dimensions is D / 8 tiles of 8 rows; tile k is in lane (lane + k) mod Lanes. A read
// gives a row of up to four tiles. Their floats go to four memories, dimension 8 k + r to memory
// (k + r) mod 4: so neither the four tiles of a row nor the four rows of a beat meet in one. A
// second copy has the partners. While a head leaves, the next one is read. As reading it takes no
// less time than leaving does, nothing ever waits.
module head_reader #(
  parameter int unsigned Lanes = 4,
  parameter int unsigned Slots = 4,
  parameter int unsigned Words = 5120,  // of a bank
  localparam int unsigned AddrW = $clog2(Words)
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       split_i,     // 64 dimensions
  input  logic                       start_i,     // a head, only if ready_o
  output logic                       ready_o,
  input  logic [head_pkg::LaneW-1:0] lane_i,      // of its first tile
  input  logic [AddrW-1:0]           raddr_i,
  output logic                       read_o,
  output logic [AddrW-1:0]           raddr_o,
  input  logic [32*Lanes-1:0]        held_i,
  // A beat will come, in two cycles; a head's come without gaps.
  output logic                       valid_o,
  output logic                       last_o,
  output logic [4:0]                 group_o,     // dimensions 4 * group and on
  output logic [127:0]               own_o,       // two cycles later
  output logic [127:0]               partner_o
);
  localparam int unsigned Tiles    = Lanes < 4 ? Lanes : 4;  // that a read takes
  localparam int unsigned TileW    = $clog2(Tiles);
  localparam int unsigned Parts    = Lanes / Tiles;          // of the lanes
  localparam int unsigned PartW    = Parts == 1 ? 1 : $clog2(Parts);
  localparam int unsigned StepW    = 4 - TileW;              // reads of a row, 16 / Tiles
  localparam int unsigned UnitW    = AddrW - 3;
  if (Lanes < 2 || Lanes > 32 || 2 ** $clog2(Lanes) != Lanes) begin : gen_check_lanes
    $error("Lanes must be a power of two, 2 to 32");
  end

  // Reads, tiles by tiles, row by row.
  logic [2:0]       row_q;
  logic [StepW-1:0] step_q;
  logic [PartW-1:0] part_q;
  logic [UnitW-1:0] unit_q;
  logic             busy_q, ends_row, is_last, ends_unit;
  assign ends_row  = row_q == '1;
  assign is_last   = ends_row && (split_i ? step_q[StepW-2:0] == '1 : step_q == '1);
  assign ends_unit = part_q == PartW'(Parts - 1);
  assign ready_o   = !busy_q || is_last;
  assign read_o    = busy_q;
  assign raddr_o   = {unit_q, row_q};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else busy_q <= start_i || (busy_q && !is_last);
    if (start_i) begin
      row_q  <= '0;
      step_q <= '0;
      part_q <= lane_i[TileW +: PartW];
      unit_q <= raddr_i[AddrW-1:3];
    end else if (busy_q) begin
      row_q <= row_q + 1'b1;
      if (ends_row) begin
        step_q <= step_q + 1'b1;
        part_q <= ends_unit ? '0 : part_q + 1'b1;
        if (ends_unit) unit_q <= unit_q + UnitW'(Slots);
      end
    end
  end

  // The floats of the lanes that the read is for; a cycle later they are written.
  logic             held_valid, held_last, write_q, write_last_q;
  logic [PartW-1:0] held_part;
  logic [StepW-1:0] held_step, write_step_q;
  logic [2:0]       held_row, write_row_q;
  logic [32*Tiles-1:0] floats_q;
  pipe_valid #(.Width(1 + PartW + StepW + 3), .Stages(head_pkg::HeldDelay)) u_held (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(busy_q), .data_i({is_last, part_q, step_q, row_q}),
    .valid_o(held_valid), .data_o({held_last, held_part, held_step, held_row})
  );
  if (Parts == 1) begin : gen_all
    logic unused_part;
    assign unused_part = ^held_part;
    always_ff @(posedge clk_i) floats_q <= held_i;
  end else if (Parts == 8) begin : gen_wide
    logic [32*Tiles-1:0] floats;
    mux_wide #(.Width(32 * Tiles), .Inputs(Parts)) u_floats (
      .data_i(held_i), .select_i(held_part), .data_o(floats)
    );
    always_ff @(posedge clk_i) floats_q <= floats;
  end else begin : gen_part
    always_ff @(posedge clk_i) floats_q <= held_i[32*Tiles*held_part +: 32*Tiles];
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {write_q, write_last_q} <= 2'b00;
    else {write_q, write_last_q} <= {held_valid, held_valid && held_last};
    write_step_q <= held_step;
    write_row_q  <= held_row;
  end

  // A head leaves as soon as it is complete.
  logic write_half_q, half_q, is_last_beat;
  assign is_last_beat = split_i ? group_o[3:0] == '1 : group_o == '1;
  assign last_o       = valid_o && is_last_beat;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_o      <= 1'b0;
      write_half_q <= 1'b0;
    end else begin
      valid_o      <= write_last_q || (valid_o && !is_last_beat);
      write_half_q <= write_half_q ^ write_last_q;
    end
    if (write_last_q) begin
      half_q  <= write_half_q;
      group_o <= '0;
    end else begin
      group_o <= group_o + 1'b1;
    end
  end
`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && write_last_q) assert (!valid_o || is_last_beat);
  end
`endif

  logic [1:0]     shift_q;
  logic [127:0]   own, partner;  // [memory]
  logic [6*2-1:0] raddr;
  assign raddr = {half_q, group_o ^ (split_i ? 5'd8 : 5'd16), half_q, group_o};
  for (genvar m = 0; m < 4; m++) begin : gen_memory
    // The tile of this read that comes here, and which one it is.
    logic [1:0]  place;
    logic [3:0]  tile;
    logic        we;
    logic [31:0] float;
    assign place = 2'(m) - write_row_q[1:0] - 2'({write_step_q, {TileW{1'b0}}});
    assign tile  = {write_step_q, place[TileW-1:0]};
    assign float = floats_q[32*place[TileW-1:0] +: 32];
    if (Tiles == 4) begin : gen_always
      assign we = write_q;
    end else begin : gen_some
      assign we = write_q && !place[1];
    end
    for (genvar i = 0; i < 2; i++) begin : gen_copy
      logic [31:0] word;
      ram_1w1r #(.Width(32), .Depth(64), .Style("block")) u_floats (
        .clk_i, .we_i(we), .waddr_i({write_half_q, tile, write_row_q[2]}), .wdata_i(float),
        .re_i(1'b1), .raddr_i(raddr[6*i +: 6]), .rdata_o(word)
      );
      if (i == 0) begin : gen_own
        assign own[32*m +: 32] = word;
      end else begin : gen_partner
        assign partner[32*m +: 32] = word;
      end
    end
  end

  always_ff @(posedge clk_i) shift_q <= group_o[2:1];
  for (genvar i = 0; i < 4; i++) begin : gen_dimension
    logic [1:0] memory;
    assign memory = 2'(i) + shift_q;
    always_ff @(posedge clk_i) begin
      own_o[32*i +: 32]     <= own[32*memory +: 32];
      partner_o[32*i +: 32] <= partner[32*memory +: 32];
    end
  end

  logic unused;
  assign unused = ^{lane_i, raddr_i[2:0]};
endmodule
