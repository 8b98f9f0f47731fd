// Places of scales and floats in all lane_sides: where a beat's words go, which tile is the oldest,
// and how many there are.
//
// A beat of either kind may come 8 cycles after another one, if there is room: the lanes have one
// way in. Tiles are used up in order: issued_i as soon as that is certain, popped_i when they are
// read for the last time. A tile of floats counts as room a cycle after that.
module side_control (
  input  logic       clk_i,
  input  logic       rst_ni,
  // A beat; word j of segment j comes j + 1 cycles later.
  input  logic       beat_i,
  input  logic       is_float_i,
  output logic [1:0] ready_o,        // for a beat of scales, of floats
  input  logic [1:0] issued_i,       // a tile of scales, of floats
  input  logic [1:0] popped_i,
  output logic [1:0] available_o,    // what is issued from now on has a tile
  // To the lanes.
  output logic [2:0] segment_o,
  output logic [1:0] we_o,
  output logic [4:0] waddr_o,
  output logic [3:0] scale_tile_o,
  output logic [2:0] float_tile_o
);
  localparam int unsigned Segments = 8;
  localparam int unsigned ScaleTiles = accllm_pkg::ScaleTiles;
  localparam int unsigned FloatTiles = vector_pkg::BeatTiles;
  localparam int unsigned Beats = 4;  // that a memory holds
  if (ScaleTiles != 4 || FloatTiles != 2) begin : gen_check_tiles
    $error("a beat holds the scales of four tiles, or the floats of two");
  end

  // The beat whose words come.
  logic       is_coming_q, is_float_q;
  logic [2:0] segment_q;
  logic       is_complete;
  assign is_complete = is_coming_q && segment_q == 3'(Segments - 1);
  assign segment_o = segment_q;
  assign we_o = {is_coming_q && is_float_q, is_coming_q && !is_float_q};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) is_coming_q <= 1'b0;
    else is_coming_q <= beat_i || (is_coming_q && !is_complete);
    if (beat_i) begin
      segment_q  <= '0;
      is_float_q <= is_float_i;
    end else begin
      segment_q <= segment_q + 3'd1;
    end
  end

  // Of scales and of floats: beats that have come, and tiles that were used up; their differences.
  logic [1:0] can_come;
  logic [2*2-1:0] beat;
  logic [2*4-1:0] tile;
  for (genvar i = 0; i < 2; i++) begin : gen_kind
    localparam int unsigned Tiles = i == 0 ? ScaleTiles : FloatTiles;
    localparam int unsigned Most = Beats * Tiles;
    localparam int unsigned CountW = $clog2(Most) + 1;
    logic              comes, completes, frees;
    logic [1:0]        beat_q;
    logic [CountW-2:0] tile_q;
    logic [CountW-1:0] kept_q, free_q;
    assign comes     = beat_i && is_float_i == (i == 1);
    assign completes = is_complete && is_float_q == (i == 1);
    if (i == 0) begin : gen_now
      assign frees = popped_i[i];
    end else begin : gen_later
      always_ff @(posedge clk_i) frees <= rst_ni && popped_i[i];
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        beat_q <= '0;
        tile_q <= '0;
        kept_q <= '0;
        free_q <= CountW'(Most);
      end else begin
        beat_q <= beat_q + 2'(completes);
        tile_q <= tile_q + (CountW-1)'(popped_i[i]);
        kept_q <= kept_q + (completes ? CountW'(Tiles) : '0) - CountW'(issued_i[i]);
        free_q <= free_q + CountW'(frees) - (comes ? CountW'(Tiles) : '0);
      end
    end
    assign beat[2*i +: 2] = beat_q;
    assign tile[4*i +: 4] = 4'(tile_q);
    assign available_o[i] = kept_q != '0;
    assign can_come[i]    = free_q >= CountW'(Tiles);
  end
  assign waddr_o      = {is_float_q ? beat[3:2] : beat[1:0], segment_q};
  assign scale_tile_o = tile[3:0];
  assign float_tile_o = tile[6:4];
  assign ready_o      = can_come & {2{!is_coming_q || is_complete}};

  logic unused;
  assign unused = tile[7];
endmodule
